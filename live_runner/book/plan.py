"""What a deployment means once its source is compiled and its document is read."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from quant_pipelines.backtest import BookSettings
from quant_pipelines.backtest.market.stop_rules import stop_terms_of
from quant_pipelines.core.errors import ConfigurationError, DataError, StrategyError
from quant_pipelines.core.limits import LIMITS, RiskLimits
from quant_pipelines.core.timeframes import timeframe_ms
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.store.deployments import STRATEGY_SCOPE, Deployment
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.trading import Specification, SpecificationHistory, TradingRules

LoadStrategy = Callable[[str, str], type[Strategy]]
"""Makes a strategy class of its name and its text; where the text runs is up to who hands it down."""


class NotLoaded(StrategyError):
    """A deployment's text or parameters can't be used: without a person, they never will be."""


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """Strategy, rules and steps of one deployment.

    Parameters
    ----------
    deployment
        Its row.
    strategy
        Instance of the version that was deployed, with the deployed parameters.
    rules
        Rules of the deployment's document, with the newest specification of the instrument.
    step_ms, execution_step_ms
        Length of the strategy's and of the execution bars.
    funding_interval_hours
        Hours between two funding payments.
    """

    deployment: Deployment
    strategy: Strategy
    rules: TradingRules
    step_ms: int
    execution_step_ms: int
    funding_interval_hours: int

    @property
    def book_settings(self) -> BookSettings:
        """Capital, rules and hard stop."""
        return BookSettings(
            float(self.deployment.capital),
            self.rules,
            self.strategy.stop_fraction,
            self.deployment.execution_timeframe,
            specifications=self.specifications,
        )

    @property
    def specifications(self) -> SpecificationHistory:
        """Specifications as of a date, for a book here; a venue takes orders by the newest only."""
        stored = self.deployment.specifications if self.deployment.venue == PAPER_VENUE else ()
        return SpecificationHistory.of_instruments(stored)

    def rules_at(self, rules: TradingRules, close_ms: int) -> TradingRules:
        """Rules with the specification of the execution bar that closes then, as a decision needs them."""
        return self.specifications.rules_at(rules, close_ms - self.execution_step_ms)

    def rules_within(self, limits: Mapping[str, Mapping[str, float]]) -> TradingRules:
        """Rules within the tightest of the deployment's own limits and those that operators set by scope."""
        scopes = ("account", *self.deployment.names, STRATEGY_SCOPE + self.deployment.strategy)
        given = [limits.get(scope, {}) for scope in scopes]
        return replace(self.rules, limits=_tightest(self.rules.limits, given))

    @property
    def paper_settings(self) -> BookSettings:
        """The same with every stop of the strategy."""
        return replace(self.book_settings, stops=stop_terms_of(self.strategy, self.step_ms))


def plan_of(deployment: Deployment, load: LoadStrategy) -> DeploymentPlan:
    """Load the source that was deployed, and read the deployment's document.

    Raises
    ------
    NotLoaded
        If the source or the parameters can't be used.
    ConfigurationError
        If the document lacks a part, or the strategy trades another number of symbols together.
    DataError
        If no specification of the instrument is stored.
    """
    if deployment.instrument is None:
        raise DataError(
            f"no specification of {deployment.symbol} at {deployment.exchange} is stored; "
            "expected one before the symbol is deployed"
        )
    try:
        strategy_class = load(deployment.strategy, deployment.source)
        strategy = strategy_class(**deployment.parameters)
    except StrategyError as error:
        raise NotLoaded(str(error)) from error
    strategy_class.inputs.check_timeframe(deployment.timeframe)
    try:
        rules = TradingRules.from_document(deployment.settings)
    except (KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{deployment.key}: settings lack or misname {error}; expected the document of TradingRules"
        ) from error
    _require_legs(deployment, strategy_class)
    return DeploymentPlan(
        deployment,
        strategy,
        replace(rules, specification=Specification.of(deployment.instrument)),
        timeframe_ms(deployment.timeframe),
        timeframe_ms(deployment.execution_timeframe),
        deployment.instrument.funding_interval_hours,
    )


def _require_legs(deployment: Deployment, strategy_class: type[Strategy]) -> None:
    """Refuse a strategy of several symbols alone, and any other as a leg."""
    inputs, n_legs = strategy_class.inputs, deployment.n_legs
    is_leg = deployment.set_id is not None
    if is_leg != inputs.has_panel or not inputs.takes(n_legs):
        given = f"a leg of {n_legs}" if is_leg else "traded alone"
        raise ConfigurationError(
            f"{deployment.key}: strategy {deployment.strategy} trades {inputs.wanted} together; "
            f"{deployment.symbol} is {given}"
        )


def _tightest(own: RiskLimits, others: Sequence[Mapping[str, float]]) -> RiskLimits:
    """For each limit the smallest value of all that are given; unknown names are ignored."""
    return RiskLimits(
        **{name: min(getattr(own, name), *(o.get(name, math.inf) for o in others)) for name in LIMITS}
    )
