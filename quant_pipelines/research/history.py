"""The bars and funding that a job sees, from the database or from an archive."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np

from quant_pipelines.backtest import SymbolFeed
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.known_funding import KnownFunding, all_known, known_while_held
from quant_pipelines.core.price_factors import scale_at
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import (
    DAY_MS,
    EXECUTION_TIMEFRAME,
    from_ms,
    timeframe_ms,
    warm_from_ms,
)
from quant_pipelines.research.fill_inputs import NO_FILL_INPUTS, FillInputs
from quant_pipelines.research.funding_prices import through
from quant_pipelines.sdk import InputSource, Strategy, attach_inputs
from quant_pipelines.sdk.attach import unknown_shares
from quant_pipelines.trading import Specification

_LEAST_COVERAGE = 0.99
_LEAST_KNOWN = 0.9


class Extent(NamedTuple):
    """Where bars begin and end, and how many there are: open of the first, close of the last."""

    first_ms: int
    end_ms: int
    n_bars: int


class Needed(NamedTuple):
    """Window of a walk-forward, and the part of it in which orders are executed."""

    window: Window
    executed: Window


@dataclass(frozen=True, slots=True, eq=False)
class SymbolHistory:
    """Market history of one symbol.

    Parameters
    ----------
    bars
        The strategy's bars, all of the window, with the inputs that it declares.
    execution_bars
        1m bars where they cover the window, else the strategy's; of the part that is executed.
    funding
        Payments in the window.
    specification
        Lot size and smallest order; none where they are not stored.
    findings
        Unresolved blocking faults of these bars, and of higher ones that are read, in the window; one
        sentence each.
    fill_inputs
        Mark prices, specifications as of a date and order books.
    """

    bars: Bars
    execution_bars: Bars
    funding: FundingSeries
    specification: Specification
    findings: tuple[str, ...]
    fill_inputs: FillInputs = NO_FILL_INPUTS

    def scale_of_close(self, ts_ms: int) -> float:
        """By how much a price that was paid at a close is multiplied to be in the newest scale."""
        return float(scale_at(np.array([ts_ms - 1], dtype=np.int64), self.fill_inputs.factors)[0])

    def feed(self, window: Window) -> SymbolFeed:
        """Return what a backtest of a window knows besides the strategy's bars."""
        inputs = self.fill_inputs
        return SymbolFeed(
            self.execution_bars.between(*window),
            self.funding,
            inputs.mark,
            inputs.depth,
            self.specification,
            inputs.specifications,
        )


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Market history of one symbol, or of a set of them.

    Parameters
    ----------
    members
        Of each symbol, in the order of the set; all execute on the same timeframe.
    read_earlier
        Reads bars of a window that begins before those of a member, which stand for what is not there.
    """

    members: tuple[SymbolHistory, ...]
    read_earlier: Callable[[Bars, Window], Bars] = lambda bars, window: bars.between(*window)

    @property
    def findings(self) -> tuple[str, ...]:
        """Unresolved blocking faults of all of them."""
        return tuple(finding for member in self.members for finding in member.findings)

    @property
    def execution_timeframe(self) -> str:
        """Timeframe on which fills and stops are decided."""
        return self.members[0].execution_bars.timeframe

    def bars_in(self, window: Window) -> list[Bars]:
        """Return the strategy's bars that open in a window, of each symbol.

        A window may begin before the history, to warm a strategy up: what is stored there and has no
        unresolved blocking fault is read, too.

        Raises
        ------
        DataError
            If a symbol has none.
        """
        bars = [self._bars_of(member.bars, window) for member in self.members]
        if not all(len(one) for one in bars):
            names = ", ".join(one.symbol for one in bars if not len(one))
            raise DataError(f"no bars of {names} in the window; expected some")
        return bars

    def has_bars(self, window: Window) -> bool:
        """Whether anything of a window was traded: a whole day may be missing."""
        return any(len(member.execution_bars.between(*window)) for member in self.members)

    def is_warm(self, strategy: Strategy, at_ms: int) -> bool:
        """Whether a strategy's decision at a time no longer depends on where the bars begin."""
        step_ms = self.members[0].bars.step_ms
        warm_ms = warm_from_ms(at_ms, strategy.history_bars, step_ms)
        before = [self._bars_of(member.bars, Window(warm_ms, at_ms)) for member in self.members]
        return all(len(one) > 0 and one.ts[0] <= warm_ms + step_ms for one in before)

    def _bars_of(self, bars: Bars, window: Window) -> Bars:
        is_within = len(bars) and window.start_ms >= bars.ts[0]
        return bars.between(*window) if is_within else self.read_earlier(bars, window)

    def known_funding(self, trades: Sequence[Mapping[str, Any]]) -> KnownFunding:
        """How much of the time of round trips, as their documents have it, has known funding."""
        alone = self.members[0].bars.symbol
        parts = []
        for member in self.members:
            own = [one for one in trades if one.get("symbol", alone) == member.bars.symbol]
            held = [[one["entry_time"], one["exit_time"]] for one in own]
            parts.append(known_while_held(member.funding, np.array(held, dtype=np.int64).reshape(-1, 2)))
        return all_known(parts)


class HistorySource(InputSource, Protocol):
    """Where history comes from."""

    def last_midnight(self, symbol: str, timeframe: str) -> int:
        """Last UTC midnight up to which there are bars, milliseconds."""
        ...

    def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
        """Bars that open in a window; empty when there are none."""
        ...

    def extent(self, symbol: str, timeframe: str, window: Window) -> Extent:
        """Extent of the bars that open in a window, without reading more of them than that takes."""
        ...

    def funding(self, symbol: str, window: Window) -> FundingSeries:
        """Funding slots in a window, with the last prices at those without a mark price."""
        ...

    def specification(self, symbol: str) -> Specification:
        """Lot size and smallest order."""
        ...

    def fill_inputs(self, symbol: str, window: Window) -> FillInputs:
        """Mark prices, order books in a window, and all specifications."""
        ...

    def findings(self, bars: Bars, window: Window) -> tuple[str, ...]:
        """Unresolved blocking faults of these bars."""
        ...


def load_history(
    source: HistorySource,
    symbols: Sequence[str],
    timeframe: str,
    needed: Needed,
    *,
    strategy_class: type[Strategy] = Strategy,
) -> History:
    """Read what a walk-forward needs; see ``execution_timeframe_of``.

    Raises
    ------
    DataError
        If the bars of a symbol do not cover the window or are malformed, or an input that the strategy
        declares is unknown at more than a tenth of them.
    StrategyError
        If it declares a timeframe that is finer than the bars.
    """
    window, executed = needed
    finer = execution_timeframe_of(source, symbols, timeframe, window)
    own = [_load_symbol(source, symbol, timeframe, window, strategy_class) for symbol in symbols]
    members = [_with_execution(member, source, finer, executed) for member in own]

    def read_earlier(bars: Bars, earlier: Window) -> Bars:
        read = source.bars(bars.symbol, timeframe, earlier).validated()
        lead = Window(earlier.start_ms, window.start_ms)
        if source.findings(read.between(*lead), Window(int(read.ts[0]), lead.end_ms)):
            return bars.between(*earlier)
        return attach_inputs(strategy_class, read, source)

    return History(tuple(members), read_earlier)


def _load_symbol(
    source: HistorySource, symbol: str, timeframe: str, window: Window, strategy_class: type[Strategy]
) -> SymbolHistory:
    bars = source.bars(symbol, timeframe, window)
    _require_cover(bars, window)
    bars.validated()
    findings = source.findings(bars, window)
    bars = attach_inputs(strategy_class, bars, source)
    require_inputs(bars)
    for higher in bars.higher.values():
        if higher.bars.timeframe != timeframe:
            findings += source.findings(higher.bars.between(*window), window)
    funding = source.funding(symbol, through(window))
    inputs = source.fill_inputs(symbol, through(window))
    return SymbolHistory(bars, bars, funding, source.specification(symbol), findings, inputs)


def _with_execution(
    member: SymbolHistory, source: HistorySource, timeframe: str, executed: Window
) -> SymbolHistory:
    if timeframe == member.bars.timeframe:
        return member
    bars = source.bars(member.bars.symbol, timeframe, executed).validated()
    return replace(member, execution_bars=bars, findings=member.findings + source.findings(bars, executed))


def execution_timeframe_of(
    source: HistorySource, symbols: Sequence[str], timeframe: str, window: Window
) -> str:
    """Timeframe on which orders are executed: 1m where bars of it cover the window for every symbol.

    Else it is the strategy's.
    """
    extents = [source.extent(symbol, EXECUTION_TIMEFRAME, window) for symbol in symbols]
    is_known = all(is_covered(one, timeframe_ms(EXECUTION_TIMEFRAME), window) for one in extents)
    return EXECUTION_TIMEFRAME if is_known else timeframe


def holding_return(
    source: HistorySource, symbols: Sequence[str], timeframe: str, window: Window
) -> float | None:
    """Return of equal parts bought at the first open of a window and held to its last close, without costs.

    None where a symbol has no bars on the window's first or last day.
    """
    first = Window(window.start_ms, window.start_ms + DAY_MS)
    last = Window(window.end_ms - DAY_MS, window.end_ms)
    ends = [[source.bars(symbol, timeframe, day) for day in (first, last)] for symbol in symbols]
    if not all(len(bars) for both in ends for bars in both):
        return None
    return float(np.mean([closing.close[-1] / opening.open[0] - 1.0 for opening, closing in ends]))


def covers(bars: Bars, window: Window) -> bool:
    """Whether bars reach from the start of a window to its end with at most 1 % missing between."""
    return is_covered(extent_of(bars), bars.step_ms, window)


def extent_of(bars: Bars) -> Extent:
    """Extent of bars that were read."""
    return Extent(int(bars.ts[0]), int(bars.close_ts[-1]), len(bars)) if len(bars) else Extent(0, 0, 0)


def is_covered(extent: Extent, step_ms: int, window: Window) -> bool:
    """Whether bars of that length reach from the start of a window to its end, at most 1 % missing."""
    if not extent.n_bars or extent.first_ms > window.start_ms or extent.end_ms < window.end_ms:
        return False
    return extent.n_bars >= _LEAST_COVERAGE * (window.end_ms - window.start_ms) / step_ms


def has_inputs(bars: Bars) -> bool:
    """Whether every input that bars carry is known at nine tenths of them or more."""
    return all(share <= 1.0 - _LEAST_KNOWN for share in unknown_shares(bars).values())


def require_inputs(bars: Bars) -> None:
    """Prove that bars have what they carry.

    Raises
    ------
    DataError
        Naming the first input that they have not.
    """
    for name, share in unknown_shares(bars).items():
        if share > 1.0 - _LEAST_KNOWN:
            raise DataError(
                f"{bars.symbol} {bars.timeframe}: input {name} is known at {1.0 - share:.0%} of the bars; "
                f"expected {_LEAST_KNOWN:.0%} or more, since the strategy declares it"
            )


def describe(bars: Bars) -> str:
    """How many bars there are, from when to when, as part of a sentence."""
    if not len(bars):
        return "none"
    first, last = from_ms(int(bars.ts[0])), from_ms(int(bars.close_ts[-1]))
    return f"{len(bars)} from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"


def describe_window(bars: Bars, window: Window) -> str:
    """How many bars like these a whole window has, as part of a sentence."""
    count = (window.end_ms - window.start_ms) // bars.step_ms
    return (
        f"{count} from {from_ms(window.start_ms):%Y-%m-%d %H:%M} to {from_ms(window.end_ms):%Y-%m-%d %H:%M}"
    )


def _require_cover(bars: Bars, window: Window) -> None:
    if not covers(bars, window):
        raise DataError(
            f"{bars.symbol} {bars.timeframe}: bars are {describe(bars)}; "
            f"expected {describe_window(bars, window)}"
        )
