"""What a backtest is asked to do."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quant_pipelines.accounting import Account, open_account
from quant_pipelines.backtest.bar.carried import Carried
from quant_pipelines.backtest.bar.state import FillTerms, StepTerms
from quant_pipelines.backtest.bar.stops import NO_STOPS, StopTerms
from quant_pipelines.backtest.market.stop_rules import stop_row, stop_terms_of
from quant_pipelines.backtest.market.tape import Dated, LoopTerms
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.trading.rules import TradingRules
from quant_pipelines.trading.specifications import ALWAYS_THE_SAME, SpecificationHistory


@dataclass(frozen=True, slots=True)
class BacktestSettings:
    """Capital, rules and window of a backtest.

    Parameters
    ----------
    capital
        Quote, positive.
    rules
        Costs, sizing, limits and steps, as a deployment would have them.
    has_stops
        Whether the strategy's own stops are in force.
    trade_from_ms
        First execution bar of the test by its open time; bars before it only warm the strategy up.
    close_at_end
        Whether an open position is closed at the last close, with its costs.
    has_bar_equity
        Whether the equity at every execution bar is kept in the result.
    has_bar_position
        Whether the position at every execution bar is, too; of a single book.
    specifications
        Lots, fees and brackets as of a date, in the place of the rules' own; none by default.
    carried
        What an earlier run has left, to go on from; None begins flat with the capital.

    Raises
    ------
    BacktestError
        If the capital is not positive.

    Examples
    --------
    >>> from quant_pipelines.backtest import BacktestSettings
    >>> from quant_pipelines.trading.rules import TradingRules
    >>> settings = BacktestSettings(capital=1_000.0, rules=TradingRules(direction="long"), close_at_end=True)
    >>> settings.rules.costs.fee_bps  # basis points of notional, unless told otherwise
    5.0
    >>> BacktestSettings(capital=0.0)
    Traceback (most recent call last):
        ...
    quant_pipelines.core.errors.BacktestError: capital is 0.0; expected a positive amount
    """

    capital: float = 10_000.0
    rules: TradingRules = TradingRules()  # noqa: RUF009 - frozen
    has_stops: bool = True
    trade_from_ms: int | None = None
    close_at_end: bool = False
    has_bar_equity: bool = True
    has_bar_position: bool = False
    specifications: SpecificationHistory = ALWAYS_THE_SAME
    carried: Carried | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.capital < math.inf:
            raise BacktestError(f"capital is {self.capital}; expected a positive amount")

    @property
    def first_value(self) -> float:
        """Value of the account before the first bar, quote."""
        return self.carried.value if self.carried else self.capital

    @property
    def first_account(self) -> Account:
        """Account of a book that is alone, before the first bar."""
        return self.carried.books[0].state.account if self.carried else open_account(self.capital)

    def rules_at(self, ts_ms: int) -> TradingRules:
        """Rules in force for a bar that opens then."""
        return self.specifications.rules_at(self.rules, ts_ms)

    def step_terms(self, strategy: Strategy, step_ms: int, strategy_step_ms: int) -> StepTerms:
        """Return matching terms for a strategy on execution bars of that length."""
        return step_terms_of(self.rules, self._stops_of(strategy, strategy_step_ms), int(step_ms))

    def loop_terms(self, strategies: Sequence[Strategy], step_ms: int, strategy_step_ms: int) -> LoopTerms:
        """Return all terms of a batch pass with a lane for each strategy."""
        first = self.step_terms(strategies[0], step_ms, strategy_step_ms)
        stops = self.stop_rows(strategies, strategy_step_ms)
        return LoopTerms(self.rules.terms, first, stops, self.close_at_end)

    def stop_rows(self, strategies: Sequence[Strategy], strategy_step_ms: int) -> FloatArray:
        """Return the stops of each strategy, shape (n_strategies, len(StopTerms))."""
        if not self.has_stops:
            return np.array([NO_STOPS] * len(strategies), dtype=np.float64)
        rows = [stop_row(strategy, strategy_step_ms) for strategy in strategies]
        return np.array(rows, dtype=np.float64)

    def _stops_of(self, strategy: Strategy, strategy_step_ms: int) -> StopTerms:
        return stop_terms_of(strategy, strategy_step_ms) if self.has_stops else NO_STOPS


def dated_terms(rules: TradingRules, specifications: SpecificationHistory) -> Dated:
    """Return what changes with the specification."""
    all_rules = specifications.all_rules(rules)
    all_terms = [one.terms for one in all_rules]
    values = [
        [terms.costs.fee_rate, terms.costs.maker_rate, terms.lot_size, terms.min_notional]
        for terms in all_terms
    ]
    margins = [one.execution.margin.brackets for one in all_rules]
    first = np.cumsum([0, *(len(rows) for rows in margins)])
    return Dated(np.array(values), np.concatenate(margins), first.astype(np.int64))


def step_terms_of(rules: TradingRules, stops: StopTerms, step_ms: int) -> StepTerms:
    """Return matching terms of rules and stops on execution bars of that length."""
    trading, execution = rules.terms, rules.execution
    whole_volume = 1.0 if rules.costs.impact_bps > 0.0 else 0.0  # nobody takes more than there was
    fills = FillTerms(
        float(execution.participation) or whole_volume,
        int(execution.latency_ms) // step_ms,
        execution.working_type == "mark",
    )
    return StepTerms(trading.costs, stops.hard, trading.lot_size, step_ms, stops, fills, execution.margin)


DEFAULTS = BacktestSettings()
"""What a run follows where nothing is said."""
