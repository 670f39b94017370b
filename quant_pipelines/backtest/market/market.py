"""A market prepared for many passes: execution bars, decision points, funding; only targets are missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from quant_pipelines.backtest.market.funding import Edge, Payments, payments_of
from quant_pipelines.backtest.market.marks import Marks, marks_on, no_marks, reach_of
from quant_pipelines.backtest.market.settings import BacktestSettings, dated_terms
from quant_pipelines.backtest.market.stop_rules import atr_of, deviation_of
from quant_pipelines.backtest.market.tape import Beside, Tape
from quant_pipelines.backtest.market.targets import (
    Changes,
    Targets,
    abreast,
    abreast_from,
    changes_at,
    changes_from,
    changes_of,
    joined,
)
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.depth import DepthSeries, no_depth
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.funding import FundingSeries, no_funding
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.portfolio.sizing import VolatilityTarget
from quant_pipelines.portfolio.volatility import realized_volatility
from quant_pipelines.sdk.stops import Stops
from quant_pipelines.sdk.turns import Turns, expanded
from quant_pipelines.trading.rules import Specification
from quant_pipelines.trading.specifications import ALWAYS_THE_SAME, SpecificationHistory


@dataclass(frozen=True, slots=True, eq=False)
class SymbolFeed:
    """What is known of a symbol besides the strategy's bars.

    Parameters
    ----------
    execution_bars
        Finer bars for fills and stops; the strategy's own where none are given.
    funding
        Slots; none are listed as not modelled.
    mark
        Mark prices, on which liquidation is tested and funding paid; the last price where they are unknown.
    depth
        Sampled order books, which market orders walk; the declared costs where none is known.
    specification
        Lot size and smallest order; the rules' own where none is given.
    specifications
        The same and more as of a date; the settings' own where there are none.

    Examples
    --------
    >>> from quant_pipelines.backtest import BacktestSettings, SymbolFeed
    >>> from quant_pipelines.trading.rules import Specification
    >>> feed = SymbolFeed(specification=Specification(lot_size=0.001, min_notional=5.0))
    >>> feed.applied(BacktestSettings()).rules.specification
    Specification(lot_size=0.001, min_notional=5.0)
    """

    execution_bars: Bars | None = None
    funding: FundingSeries | None = None
    mark: MarkSeries | None = None
    depth: DepthSeries | None = None
    specification: Specification | None = None
    specifications: SpecificationHistory = ALWAYS_THE_SAME

    def applied(self, settings: BacktestSettings) -> BacktestSettings:
        """Put the symbol's specifications in the place of the settings' own."""
        rules = settings.rules
        if self.specification is not None:
            rules = replace(rules, specification=self.specification)
        dated = self.specifications if self.specifications.dated else settings.specifications
        return replace(settings, rules=rules, specifications=dated)


NO_FEED = SymbolFeed()
NO_FEEDS: Mapping[str, SymbolFeed] = {}


@dataclass(frozen=True, slots=True)
class Market:
    """What is the same for every parameter set.

    Parameters
    ----------
    bars
        The strategy's bars, history included.
    execution
        Bars on which fills and stops are decided, from the first traded one on.
    decision_row
        Strategy bar that is decided on at each execution close, -1 for none; shape (n_execution,).
    row_before
        Newest strategy bar that was known before the first of them, where a run goes on from another one;
        else -1.
    volatility
        Annualized, at the execution closes; shape (0,) unless the sizer asks.
    funding
        Slots as they were given.
    payments
        What of them is paid at which bar.
    pause
        See ``Tape``.
    mark
        Mark prices as they were given, or None.
    marks
        What of them is laid beside the execution bars: nothing where the rules test none.
    depth
        Sampled order books.
    ladder
        Sample that is known at each execution bar's open, -1 for none; shape (n_execution,), or (0,).
    span
        See ``Beside``.
    beside
        See ``Tape``: None where nothing is tested on a mark, no depth is given, and one specification holds.
    """

    bars: Bars
    execution: Bars
    decision_row: IntArray
    row_before: int
    volatility: FloatArray
    funding: FundingSeries
    payments: Payments
    pause: IntArray
    mark: MarkSeries | None
    marks: Marks
    depth: DepthSeries
    ladder: IntArray
    span: IntArray
    beside: Beside | None

    @property
    def first_day(self) -> int:
        """First traded UTC day in days since the epoch."""
        return int(self.execution.ts[0]) // DAY_MS

    @property
    def n_days(self) -> int:
        """UTC days from the first to the last execution bar, days without bars included."""
        return int(self.execution.ts[-1]) // DAY_MS - self.first_day + 1

    def tape(self, stops: Stops) -> Tape:
        """Return what the loop reads, with the inputs of a strategy's stops."""
        bars = self.execution
        return Tape(
            bars.ts,
            bars.open,
            bars.high,
            bars.low,
            bars.close,
            bars.volume,
            self.volatility,
            as_of(atr_of(stops, self.bars), self.decision_row, self.row_before),
            as_of(deviation_of(stops, self.bars), self.decision_row, self.row_before),
            self.pause,
            self.payments.bar,
            self.payments.at_open,
            self.payments.inside,
            self.payments.at_end,
            self.beside,
        )

    @property
    def is_decided_at_each(self) -> bool:
        """Whether a strategy bar closes with every execution bar."""
        first = int(self.decision_row[0])
        return first >= 0 and int(self.decision_row[-1]) - first == len(self.execution) - 1

    def changes(self, target: FloatArray | Turns) -> Changes:
        """Find where a target on the strategy's bars, shape (n_bars,), changes at execution bars."""
        first, n_bars = int(self.decision_row[0]), len(self.execution)
        is_each = self.is_decided_at_each
        if isinstance(target, Turns):
            return changes_from(target, first, n_bars) if is_each else self.changes(expanded(target))
        return changes_of(target, first, n_bars) if is_each else changes_at(target, self.decision_row)

    def targets(self, offered: Sequence[FloatArray | Turns]) -> Targets | None:
        """Put the changes of the targets of lanes in order; None where a value is beyond -1 or 1."""
        turns = [one for one in offered if isinstance(one, Turns)]
        if len(turns) == len(offered) and self.is_decided_at_each:
            found, is_outside = abreast_from(joined(turns), int(self.decision_row[0]), len(self.execution))
            return None if is_outside else found
        changes = [self.changes(one) for one in offered]
        is_outside = any(one.outside < len(self.bars) for one in changes)
        return None if is_outside else abreast(changes)


def prepare_market(bars: Bars, settings: BacktestSettings, feed: SymbolFeed = NO_FEED) -> Market:
    """Prepare bars for passes; the specifications are those of the settings.

    Raises
    ------
    BacktestError
        If there are no bars in the test window, or the execution bars are coarser than the strategy's or
        of another symbol.
    """
    execution, mark = _execution(bars, settings, feed.execution_bars), feed.mark
    edge, decided_ms = _edge_of(settings)
    row = decision_rows(bars, execution, decided_ms)
    volatility = np.empty(0)
    sizing = settings.rules.sizing
    if isinstance(sizing, VolatilityTarget):
        volatility = at_decisions(realized_volatility(bars, sizing.window), row)
    funding = feed.funding if feed.funding is not None else no_funding()
    payments = payments_of(execution, funding, mark, edge)
    span, marks = _spans(execution, settings), _marks(execution, settings, mark)
    known_depth = feed.depth if feed.depth is not None else no_depth()
    ladder = known_depth.rows_at(execution.ts) if feed.depth is not None else np.empty(0, dtype=np.int64)
    beside = None
    if marks.open.size or ladder.size or np.unique(span).size > 2:
        beside = _beside(execution, settings, marks, span, _Sampled(known_depth, ladder))
    return Market(
        bars,
        execution,
        row,
        _newest_at(bars, edge.ts) if edge else -1,
        volatility,
        funding,
        payments,
        _pauses(execution, np.union1d(payments.bar, span[1:-1])),
        mark,
        marks,
        known_depth,
        ladder,
        span,
        beside,
    )


def _edge_of(settings: BacktestSettings) -> tuple[Edge | None, int]:
    """Where the run before has ended, and the close up to which its strategy had decided; 0 is none."""
    if settings.carried is None:
        return None, 0
    (book,) = settings.carried.books
    return Edge(book.until_ms, book.state.close), book.decided_ms


def _newest_at(bars: Bars, ts_ms: int) -> int:
    """Newest bar that had closed by a time; -1 is none."""
    return int(np.searchsorted(bars.close_ts, ts_ms, side="right")) - 1


def decision_rows(bars: Bars, execution: Bars, decided_ms: int = 0) -> IntArray:
    """Strategy bar that is decided on at each execution close, -1 for none.

    That is the newest one that closed within the execution bar. The first execution bar decides on what
    closed before it too: a fresh start moves to the strategy's current target at once, as a deployment does.
    What closed up to ``decided_ms`` is decided on already.
    """
    if execution.timeframe == bars.timeframe and len(execution):
        offset = int(np.searchsorted(bars.ts, execution.ts[0]))
        same = bars.ts[offset : offset + len(execution)]
        if np.array_equal(same, execution.ts):
            return np.arange(offset, offset + len(execution), dtype=np.int64)
    latest = np.searchsorted(bars.close_ts, execution.close_ts, side="right") - 1
    is_new = np.diff(latest, prepend=_newest_at(bars, decided_ms)) > 0
    return np.where(is_new, latest, -1).astype(np.int64)


def at_decisions(values: FloatArray, decision_row: IntArray) -> FloatArray:
    """Values of strategy bars at the execution bars that decide on them; NaN elsewhere."""
    return np.where(decision_row >= 0, values[decision_row], np.nan)


def as_of(values: FloatArray, decision_row: IntArray, row_before: int = -1) -> FloatArray:
    """Values of strategy bars at every execution close: of the newest bar that was decided on; NaN before.

    ``row_before`` is the one that was known before the first close; -1 is none.
    """
    if not values.size:
        return values
    if decision_row[0] >= 0 and decision_row[-1] - decision_row[0] == decision_row.size - 1:
        return values[decision_row[0] : decision_row[-1] + 1]
    newest = np.maximum(np.maximum.accumulate(decision_row), row_before)
    return np.where(newest >= 0, values[newest], np.nan)


def _execution(bars: Bars, settings: BacktestSettings, execution_bars: Bars | None) -> Bars:
    execution = execution_bars if execution_bars is not None else bars
    if execution.symbol != bars.symbol:
        raise BacktestError(f"execution bars are of {execution.symbol}; expected {bars.symbol}")
    if execution.step_ms > bars.step_ms:
        raise BacktestError(
            f"execution timeframe is {execution.timeframe}; expected {bars.timeframe} or finer"
        )
    first = settings.trade_from_ms
    if first is None and len(bars):
        first = int(bars.ts[0])
    if first is not None:
        execution = execution.rows(int(np.searchsorted(execution.ts, first)), len(execution))
    if not len(bars) or not len(execution):
        raise BacktestError(f"no bars of {bars.symbol} {bars.timeframe} in the test window; expected some")
    return execution


class _Sampled(NamedTuple):
    """Order books, and the one that is known at each bar; -1 is none."""

    depth: DepthSeries
    ladder: IntArray


def _beside(
    execution: Bars,
    settings: BacktestSettings,
    marks: Marks,
    span: IntArray,
    sampled: _Sampled,
) -> Beside:
    depth, ladder = sampled
    nothing = np.zeros((1, *depth.ladders.shape[1:]))
    return Beside(
        *reach_of(execution, marks),
        *marks[:3],
        np.concatenate([nothing, depth.ladders]),
        ladder + 1 if ladder.size else np.zeros(len(execution), dtype=np.int64),
        span,
        dated_terms(settings.rules, settings.specifications),
    )


def _marks(execution: Bars, settings: BacktestSettings, mark: MarkSeries | None) -> Marks:
    """Lay marks beside the bars, where anything is tested on them."""
    all_rules = settings.specifications.all_rules(settings.rules)
    if mark is None or not any(rules.execution.tests_mark for rules in all_rules):
        return no_marks(len(execution))
    return marks_on(execution, mark)


def _spans(execution: Bars, settings: BacktestSettings) -> IntArray:
    """Bars from which on the specifications are in force, and the end."""
    later = [one.from_ms for one in settings.specifications.dated[1:]]
    begins = np.searchsorted(execution.ts, np.array(later, dtype=np.int64))
    return np.concatenate([[0], begins, [len(execution)]]).astype(np.int64)


def _pauses(execution: Bars, others: IntArray) -> IntArray:
    """Bars that begin or end a UTC day, others, and one that never comes."""
    ts, n_bars = execution.ts, len(execution)
    midnight = np.arange(ts[0] // DAY_MS + 1, ts[-1] // DAY_MS + 2, dtype=np.int64) * DAY_MS
    begins = np.searchsorted(ts, midnight)
    ends = begins[ts[begins - 1] + execution.step_ms >= midnight] - 1
    bars = np.unique(np.concatenate([begins[begins < n_bars], ends, others]))
    return np.concatenate([bars[bars < len(execution)], [len(execution)]]).astype(np.int64)
