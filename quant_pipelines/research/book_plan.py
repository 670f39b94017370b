"""How a deployment's book is opened, whoever opens it: the runner that trades, or the replay of its day."""

from dataclasses import dataclass, replace

from quant_pipelines.backtest import BookSettings
from quant_pipelines.backtest.market.stop_rules import stop_terms_of
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.timeframes import timeframe_ms
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.trading import Specification, SpecificationHistory, TradingRules


@dataclass(frozen=True, slots=True)
class BookPlan:
    """Strategy, rules and steps of one book.

    Parameters
    ----------
    deployment
        Its row.
    strategy
        Instance of the version that was deployed, with the deployed parameters.
    rules
        Rules of the deployment's document, with the newest specification of the instrument.
    """

    deployment: Deployment
    strategy: Strategy
    rules: TradingRules

    @property
    def step_ms(self) -> int:
        """Length of the strategy's bars."""
        return timeframe_ms(self.deployment.timeframe)

    @property
    def execution_step_ms(self) -> int:
        """Length of the execution bars."""
        return timeframe_ms(self.deployment.execution_timeframe)

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
    def paper_settings(self) -> BookSettings:
        """The same with every stop of the strategy."""
        return replace(self.book_settings, stops=stop_terms_of(self.strategy, self.step_ms))

    @property
    def specifications(self) -> SpecificationHistory:
        """Specifications as of a date, for a book here; a venue takes orders by the newest only."""
        stored = self.deployment.specifications if self.deployment.venue == PAPER_VENUE else ()
        return SpecificationHistory.of_instruments(stored)

    def rules_at(self, rules: TradingRules, close_ms: int) -> TradingRules:
        """Rules with the specification of the execution bar that closes then, as a decision needs them."""
        return self.specifications.rules_at(rules, close_ms - self.execution_step_ms)


def rules_of(deployment: Deployment) -> TradingRules:
    """Rules of a deployment's document, with the newest specification.

    Raises
    ------
    ConfigurationError
        If the document lacks a part.
    """
    try:
        rules = TradingRules.from_document(deployment.settings)
    except (KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{deployment.key}: settings lack or misname {error}; expected the document of TradingRules"
        ) from error
    if deployment.instrument is None:
        return rules
    return replace(rules, specification=Specification.of(deployment.instrument))
