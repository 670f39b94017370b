"""What an account of several books is made of, and its books prepared for a pass."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from quant_pipelines.accounting.nav import Flow
from quant_pipelines.backtest.account.values import Schedule
from quant_pipelines.backtest.market.market import NO_FEED, Market, SymbolFeed, prepare_market
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.backtest.market.stop_rules import factors_at
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.panel import Panel, panel_of
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.strategy import Strategy, require_symbols

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
    market
        Its execution bars and decision points.
    """

    allocation: Allocation
    column: int
    name: str
    symbol: str
    share: float
    settings: BacktestSettings
    market: Market

    def own(self, bars: Bars | Panel, values: FloatArray) -> FloatArray:
        """Values at the book's own bars, shape (n_bars,), of those on all bars of its allocation."""
        return bars.own(self.column, values) if isinstance(bars, Panel) else values

    def scales(self, bars: Bars | Panel) -> dict[str, FloatArray]:
        """Factors on its stops at its own bars, made of these bars of its allocation; see ``scales_of``."""
        given = scales_of(self.allocation.strategy, bars)
        return {name: self.own(bars, factor) for name, factor in given.items()}

    @property
    def factors(self) -> dict[str, FloatArray]:
        """The same at its execution closes; see ``factors_at``."""
        market = self.market
        return factors_at(self.scales(self.allocation.bars), market.decision_row, market.row_before)


@dataclass(frozen=True, slots=True, eq=False)
class AccountPlan:
    """An account before its first row: its books, when what happens, and the settings of the whole."""

    books: tuple[PlannedBook, ...]
    schedule: Schedule
    settings: BacktestSettings

    @property
    def reserve(self) -> float:
        """Cash before the first row that is no book's share, quote."""
        capital = self.settings.capital
        if self.settings.carried:
            return self.settings.carried.reserve
        reserve = capital - sum(capital * book.share for book in self.books)
        return reserve if abs(reserve) > _ROUNDING * capital else 0.0

    @property
    def first_value(self) -> float:
        """Value of the account before the first row, quote."""
        return max(self.settings.first_value, 0.0)

    @property
    def first_day(self) -> int:
        """First UTC day in days since the epoch."""
        return int(self.schedule.grid[0]) // DAY_MS

    @property
    def n_days(self) -> int:
        """UTC days from the first to the last row, days without bars included."""
        return int(self.schedule.grid[-1]) // DAY_MS - self.first_day + 1

    @property
    def places_orders(self) -> bool:
        """Whether a strategy of it is driven by events."""
        return any(isinstance(book.allocation.strategy, EventStrategy) for book in self.books)

    @property
    def is_cross(self) -> bool:
        """Whether the books stand behind each other's margin."""
        rules = (
            rules
            for book in self.books
            for rules in book.settings.specifications.all_rules(book.settings.rules)
        )
        return self.settings.rules.execution.leverage <= 0.0 and any(one.execution.brackets for one in rules)

    def traded_by(self, strategy: Strategy) -> "AccountPlan":
        """Give all books to another strategy of the same class."""
        fresh = {id(book.allocation): replace(book.allocation, strategy=strategy) for book in self.books}
        books = (replace(book, allocation=fresh[id(book.allocation)]) for book in self.books)
        return replace(self, books=tuple(books))


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


def plan_account(
    allocations: Sequence[Allocation],
    feeds: Mapping[str, SymbolFeed],
    settings: BacktestSettings,
    flows: Sequence[Flow] = (),
) -> AccountPlan:
    """Prepare every book of an account.

    Raises
    ------
    StrategyError
        If a strategy trades another number of symbols.
    BacktestError
        If there are no allocations, a share can't be given, the execution timeframes differ, a window has no
        bars, or a flow is not a finite amount or comes after the last bar.
    """
    _require_shares(allocations)
    books: list[PlannedBook] = []
    for allocation in allocations:
        books.extend(_books_of(allocation, feeds, settings, first=len(books)))
    timeframes = sorted({book.market.execution.timeframe for book in books})
    if len(timeframes) != 1:
        raise BacktestError(f"execution timeframes are {timeframes}; expected one for all books")
    return AccountPlan(tuple(books), _schedule_of(books, flows), settings)


def _schedule_of(books: Sequence[PlannedBook], flows: Sequence[Flow]) -> Schedule:
    """Time grid of all books, and the flows by time."""
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


def _require_shares(allocations: Sequence[Allocation]) -> None:
    if not allocations:
        raise BacktestError("no strategy is allocated; expected one or more")
    shares = [allocation.share for allocation in allocations]
    if not all(share > 0.0 for share in shares) or sum(shares) > 1.0 + _ROUNDING:
        raise BacktestError(f"shares are {shares}; expected positive ones whose sum is at most 1")


def _books_of(
    allocation: Allocation, feeds: Mapping[str, SymbolFeed], settings: BacktestSettings, *, first: int
) -> Iterator[PlannedBook]:
    strategy, bars = allocation.strategy, allocation.bars
    require_symbols(strategy, bars)
    members = bars.members if isinstance(bars, Panel) else (bars,)
    share = allocation.share / len(members)
    for k, member in enumerate(members):
        feed = feeds.get(member.symbol, NO_FEED)
        carried = settings.carried.of_book(first + k) if settings.carried else None
        own = replace(feed.applied(settings), capital=settings.capital * share, carried=carried)
        market = prepare_market(member, own, feed)
        name = allocation.name or type(strategy).__name__
        yield PlannedBook(allocation, k, name, member.symbol, share, own, market)
