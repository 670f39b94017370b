"""What a deployment means once its source is compiled and its document is read."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from quant_pipelines.core.errors import ConfigurationError, DataError, StrategyError, StrategyMissed
from quant_pipelines.core.limits import LIMITS, RiskLimits
from quant_pipelines.research.book_plan import BookPlan, rules_of
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.store.deployments import STRATEGY_SCOPE, Deployment
from quant_pipelines.trading import TradingRules

LoadStrategy = Callable[[str, str], type[Strategy]]
"""Makes a strategy class of its name and its text; where the text runs is up to who hands it down."""


class NotLoaded(StrategyError):
    """A deployment's text or parameters can't be used: without a person, they never will be."""


class NotLoadedYet(StrategyMissed):
    """A deployment's text did not answer in time, as where a crowded machine has none: it is asked again."""


@dataclass(frozen=True, slots=True)
class DeploymentPlan(BookPlan):
    """How a deployment's book is opened, and what its trader goes by beside.

    Parameters
    ----------
    funding_interval_hours
        Hours between two funding payments.
    """

    funding_interval_hours: int

    def rules_within(self, limits: Mapping[str, Mapping[str, float]]) -> TradingRules:
        """Rules within the tightest of the deployment's own limits and those that operators set by scope."""
        scopes = ("account", *self.deployment.names, STRATEGY_SCOPE + self.deployment.strategy)
        given = [limits.get(scope, {}) for scope in scopes]
        return replace(self.rules, limits=_tightest(self.rules.limits, given))


def plan_of(deployment: Deployment, load: LoadStrategy) -> DeploymentPlan:
    """Load the source that was deployed, and read the deployment's document.

    Raises
    ------
    NotLoaded
        If the source or the parameters can't be used.
    NotLoadedYet
        If it did not answer in time.
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
    except StrategyMissed as missed:
        raise NotLoadedYet(str(missed)) from missed
    except StrategyError as error:
        raise NotLoaded(str(error)) from error
    strategy_class.inputs.check_timeframe(deployment.timeframe)
    rules = rules_of(deployment)
    _require_legs(deployment, strategy_class)
    return DeploymentPlan(deployment, strategy, rules, deployment.instrument.funding_interval_hours)


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
