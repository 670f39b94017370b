"""What an account of several books is made of, and its books prepared for a pass."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from quant_pipelines.accounting.nav import Flow
from quant_pipelines.backtest.market import NO_FEED, Market, SymbolFeed, at_decisions, prepare_market
from quant_pipelines.backtest.portfolio_values import REEL, BookTable, Reel, Schedule
from quant_pipelines.backtest.settings import BacktestSettings
from quant_pipelines.backtest.tape import LoopTerms, Tape
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.depth import NO_LADDER
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.panel import Panel, panel_of
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.scales import declares_scales
from quant_pipelines.sdk.strategy import Strategy, require_symbols, target_of

_NEVER = np.iinfo(np.int64).max
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Allocation:
    """A strategy, the bars that it trades, and its share of the account.

    Parameters
    ----------
    strategy
        Instance with its parameters.
    bars
        ``Bars`` of one symbol, or a ``Panel`` for a strategy of several: then each symbol is a book of its
        own with an equal part of the share.
    share
        Part of the account's value that all its books are sized on, above 0; all shares sum to 1 or less.
    name
        Of its books; the strategy's class by default.
    """

    strategy: Strategy
    bars: Bars | Panel
    share: float = 1.0
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PlannedBook:
    """One virtual book: what it trades, by which rules, on which share.

    Parameters
    ----------
    allocation
        Where it comes from.
    column
        Of its symbol in the allocation's panel; 0 for a strategy of one symbol.
    name, symbol, share
        Its own part of the account's value.
    settings
        With its symbol's specification, and its share of the capital.
    market, funding
        Its execution bars and decision points; its funding slots.
    target
        Decided on at each execution close, NaN for no decision; shape (n_execution,).
    """

    allocation: Allocation
    column: int
    name: str
    symbol: str
    share: float
    settings: BacktestSettings
    market: Market
    funding: FundingSeries | None
    target: FloatArray


def allocations_of(strategy: Strategy, bars: Sequence[Bars]) -> list[Allocation]:
    """Give a strategy the whole account: all symbols together, or an equal share each where it trades one.

    Raises
    ------
    StrategyError
        If the strategy trades another number of symbols together.
    """
    if not strategy.inputs.has_panel:
        return [Allocation(strategy, one, 1.0 / len(bars)) for one in bars]
    panel = panel_of(bars)
    require_symbols(strategy, panel)
    return [Allocation(strategy, panel)]


def is_alone(strategy_class: type[Strategy], bars: Sequence[Bars]) -> bool:
    """Whether a strategy trades one symbol by itself: then the account is its one book."""
    return len(bars) == 1 and not strategy_class.inputs.has_panel


def plan_books(
    allocations: Sequence[Allocation], feeds: Mapping[str, SymbolFeed], settings: BacktestSettings
) -> list[PlannedBook]:
    """Prepare every book of an account.

    Raises
    ------
    StrategyError
        If a strategy's target can't be used.
    BacktestError
        If there are no allocations, a strategy needs what isn't modelled here, a share can't be given, the
        execution timeframes differ, or a window has no bars.
    """
    _require_shares(allocations)
    for allocation in allocations:
        _require_modelled(allocation.strategy, settings)
    books = [book for allocation in allocations for book in _books_of(allocation, feeds, settings)]
    timeframes = sorted({book.market.execution.timeframe for book in books})
    if len(timeframes) != 1:
        raise BacktestError(f"execution timeframes are {timeframes}; expected one for all books")
    return books


def reserve_of(books: Sequence[PlannedBook], capital: float) -> float:
    """Capital that is no book's share, quote."""
    reserve = capital - sum(capital * book.share for book in books)
    return reserve if abs(reserve) > _ROUNDING * capital else 0.0


def schedule_of(books: Sequence[PlannedBook], flows: Sequence[Flow]) -> Schedule:
    """Time grid of all books, and the flows by time.

    Raises
    ------
    BacktestError
        If a flow is not a finite amount, or comes behind the last bar.
    """
    grid = books[0].market.execution.ts
    for book in books[1:]:
        if not np.array_equal(grid, book.market.execution.ts):
            grid = np.union1d(grid, book.market.execution.ts)
    known = sorted(flows)
    for flow in known:
        if not np.isfinite(flow.amount):
            raise BacktestError(f"flow is {flow.amount}; expected a finite amount")
        if flow.ts > grid[-1]:
            when, last = from_ms(flow.ts), from_ms(int(grid[-1]))
            raise BacktestError(f"flow is at {when:%Y-%m-%d %H:%M}; expected one up to {last:%Y-%m-%d %H:%M}")
    times = np.array([*(flow.ts for flow in known), _NEVER], dtype=np.int64)
    amounts = np.array([*(flow.amount for flow in known), 0.0], dtype=np.float64)
    return Schedule(np.ascontiguousarray(grid, dtype=np.int64).copy(), times, amounts)


def reel_of(books: Sequence[PlannedBook]) -> Reel:
    """Lay the execution bars of all books one behind the other."""
    tapes = [book.market.tape(book.allocation.strategy.stops) for book in books]
    end = np.cumsum([tape.ts.size for tape in tapes])
    first = np.concatenate([[0], end[:-1]])
    values = np.empty((int(end[-1]), len(REEL)))
    for book, tape, start, stop in zip(books, tapes, first, end, strict=True):
        columns = {"target": book.target, "funding_per_unit": _spread(tape)}
        for column, name in enumerate(REEL):
            given = columns[name] if name in columns else getattr(tape, name)
            values[start:stop, column] = given if given.size else np.nan
    return Reel(np.concatenate([tape.ts for tape in tapes]), values, first, end, NO_LADDER.copy())


def table_of(books: Sequence[PlannedBook]) -> BookTable:
    """Shares and steps of all books."""
    steps = [book.settings.rules.specification for book in books]
    return BookTable(
        np.array([book.share for book in books]),
        np.array([float(step.lot_size) for step in steps]),
        np.array([float(step.min_notional) for step in steps]),
    )


def _spread(tape: Tape) -> FloatArray:
    """Funding at every bar of a tape, 0 where none is paid."""
    funding = np.zeros(tape.ts.size)
    funding[tape.funding_bar] = tape.funding_per_unit
    return funding


def terms_of(books: Sequence[PlannedBook], settings: BacktestSettings) -> LoopTerms:
    """Terms of a pass with a lane for each book; the steps of a symbol stand in the table."""
    steps = [
        settings.step_terms(book.allocation.strategy, book.market.execution.step_ms, book.market.bars.step_ms)
        for book in books
    ]
    first = books[0]
    terms = settings.loop_terms(
        [first.allocation.strategy], first.market.execution.step_ms, first.market.bars.step_ms
    )
    return terms._replace(stops=np.array([step.stops for step in steps], dtype=np.float64))


def _require_shares(allocations: Sequence[Allocation]) -> None:
    if not allocations:
        raise BacktestError("no strategy is allocated; expected one or more")
    shares = [allocation.share for allocation in allocations]
    if not all(share > 0.0 for share in shares) or sum(shares) > 1.0 + _ROUNDING:
        raise BacktestError(f"shares are {shares}; expected positive ones whose sum is at most 1")


def _require_modelled(strategy: Strategy, settings: BacktestSettings) -> None:
    """Refuse what the books of one account don't do so far, lest it be left out in silence."""
    for is_asked, what in (
        (isinstance(strategy, EventStrategy), "places orders"),
        (settings.has_stops and declares_scales(strategy), "scales its stops"),
        (bool(settings.specifications.dated), "has specifications as of a date"),
    ):
        if is_asked:
            name = type(strategy).__name__
            raise BacktestError(f"{name} {what}; an account of several books does not model that so far")


def _books_of(
    allocation: Allocation, feeds: Mapping[str, SymbolFeed], settings: BacktestSettings
) -> Iterator[PlannedBook]:
    bars = allocation.bars
    target = target_of(allocation.strategy, bars)
    members = bars.members if isinstance(bars, Panel) else (bars,)
    share = allocation.share / len(members)
    for k, member in enumerate(members):
        feed = feeds.get(member.symbol, NO_FEED)
        feed = SymbolFeed(feed.execution_bars, feed.funding, specification=feed.specification)
        own = replace(feed.applied(settings), capital=settings.capital * share)
        market = prepare_market(member, own, feed)
        column = target[bars.rows_of(k), k] if isinstance(bars, Panel) else target
        name = allocation.name or type(allocation.strategy).__name__
        decided = at_decisions(column, market.decision_row)
        yield PlannedBook(allocation, k, name, member.symbol, share, own, market, feed.funding, decided)


def days_of(grid: IntArray) -> tuple[int, int]:
    """First UTC day of a grid in days since the epoch, and the number of days to its last."""
    first = int(grid[0]) // DAY_MS
    return first, int(grid[-1]) // DAY_MS - first + 1
