"""What a backtest of a portfolio returns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from quant_pipelines.backtest.loop import LoopResult
from quant_pipelines.backtest.portfolio_fund import Fund
from quant_pipelines.backtest.portfolio_plan import PlannedBook, days_of
from quant_pipelines.backtest.portfolio_values import PortfolioRecord, Schedule
from quant_pipelines.backtest.result import BacktestResult, result_of
from quant_pipelines.backtest.tape import Record
from quant_pipelines.backtest.trades import Trade
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.timeframes import DAY_MS, YEAR_DAYS, day_of
from quant_pipelines.metrics import Activity, summarize

CROSSING = "internal crossing: opposite orders of two books on one symbol each pay their own costs"


@dataclass(frozen=True, eq=False)
class BookResult:
    """Outcome of one virtual book.

    Parameters
    ----------
    name, symbol, share
        Whose, of what, on which part of the account's value.
    result
        As if it were an account of its own: its capital is its share of the account's, its equity that and
        what it has earned, without flows of cash.
    contribution
        What it earned on each UTC day of the account over the account's value at the end of the day before,
        in the units of the day; shape (n_days,). The daily series to correlate.
    net_notional
        Signed notional at the end of each of these days over the account's value, shape (n_days,).
    """

    name: str
    symbol: str
    share: float
    result: BacktestResult
    contribution: FloatArray
    net_notional: FloatArray


@dataclass(frozen=True, slots=True)
class BookTrade:
    """Finished round trip, of which book on which symbol."""

    book: str
    symbol: str
    trade: Trade


@dataclass(frozen=True, eq=False)
class PortfolioResult:
    """Outcome of several books in one account; where a name stands in ``BacktestResult`` it means the same.

    Parameters
    ----------
    books
        In the order of the allocations and of the symbols in them.
    capital, final_equity, days, bars, seconds, execution_timeframe, funding_paid, fees_paid
        Of the account; ``bars`` are those of all books.
    daily_returns
        Of the value per unit on each UTC day, shape (n_days,): a flow of cash is neither gain nor loss.
    daily_equity, daily_units
        Net asset value and units at the end of each day, shape (n_days,).
    bar_equity, bar_ts
        Net asset value at each row of the time grid and its open time, shape (n_rows,), or (0,).
    net_flows
        Sum of deposits and withdrawals, quote.
    max_gross_exposure
        Largest sum of all notionals over the account's value, at a close.
    metrics
        By name; drawdown is that of the value per unit.
    mark_fallbacks, not_modelled
        Of all books.
    """

    books: tuple[BookResult, ...]
    capital: float
    final_equity: float
    days: tuple[str, ...]
    daily_returns: FloatArray
    daily_equity: FloatArray
    daily_units: FloatArray
    bar_equity: FloatArray
    bar_ts: IntArray
    net_flows: float
    max_gross_exposure: float
    metrics: dict[str, float | None]
    bars: int
    seconds: float
    execution_timeframe: str
    funding_paid: float
    fees_paid: float
    mark_fallbacks: int
    not_modelled: tuple[str, ...]

    @cached_property
    def trades(self) -> tuple[BookTrade, ...]:
        """Finished round trips of all books, by the time of their end."""
        found = [
            BookTrade(book.name, book.symbol, trade) for book in self.books for trade in book.result.trades
        ]
        return tuple(sorted(found, key=lambda one: (one.trade.exit_time, one.symbol, one.book)))

    @property
    def net_exposure(self) -> dict[str, FloatArray]:
        """Signed notional of all books by symbol at each day's end over the account's value, (n_days,)."""
        net: dict[str, FloatArray] = {}
        for book in self.books:
            net[book.symbol] = net.get(book.symbol, np.zeros(len(self.days))) + book.net_notional
        return net

    @property
    def gross_exposure(self) -> FloatArray:
        """Sum of the notionals of all books at each day's end over the account's value, shape (n_days,)."""
        gross: FloatArray = np.sum([np.abs(book.net_notional) for book in self.books], axis=0)
        return gross

    @property
    def correlation(self) -> FloatArray:
        """Of the books' contributions, shape (n_books, n_books); NaN with a book that never earned."""
        rows = np.array([book.contribution for book in self.books])
        centered = rows - rows.mean(axis=1, keepdims=True)
        size = np.sqrt((centered**2).sum(axis=1))
        with np.errstate(invalid="ignore", divide="ignore"):
            matrix: FloatArray = (centered @ centered.T) / np.outer(size, size)
        return matrix


def portfolio_result(
    books: Sequence[PlannedBook],
    passed: tuple[Sequence[LoopResult], Fund],
    schedule: Schedule,
    record: PortfolioRecord,
    capital: float,
) -> PortfolioResult:
    """Make the result of a pass and of the record that it wrote."""
    outcomes, fund = passed
    first_day, n_days = days_of(schedule.grid, DAY_MS)
    before = np.concatenate([[capital], record.value[:-1]])
    before = before * (record.units / np.concatenate([[capital], record.units[:-1]]))
    results = tuple(
        _book_result(book, outcome, record, b, (first_day, before))
        for b, (book, outcome) in enumerate(zip(books, outcomes, strict=True))
    )
    returns = _returns(record.value, before)
    pnl = np.concatenate([book.result.trade_rows[:, [1, 8]] for book in results])
    activity = Activity(
        exposure=fund.tally.bars_held / len(schedule.grid),
        turnover=fund.tally.traded_notional / capital * YEAR_DAYS / n_days,
        max_drawdown=fund.tally.max_drawdown,
    )
    metrics = summarize(returns, pnl[np.argsort(pnl[:, 0], kind="stable"), 1], activity)
    missing = dict.fromkeys(text for book in results for text in book.result.not_modelled)
    symbols = [book.symbol for book in books]
    if len(set(symbols)) < len(symbols):
        missing[CROSSING] = None
    return PortfolioResult(
        books=results,
        capital=capital,
        final_equity=fund.value,
        days=tuple(day_of((first_day + day) * DAY_MS) for day in range(n_days)),
        daily_returns=returns,
        daily_equity=record.value,
        daily_units=record.units,
        bar_equity=record.bar_value,
        bar_ts=schedule.grid if record.bar_value.size else np.empty(0, dtype=np.int64),
        net_flows=fund.paid,
        max_gross_exposure=fund.max_gross,
        metrics={name: float(value) if np.isfinite(value) else None for name, value in metrics.items()},
        bars=sum(len(book.market.execution) for book in books),
        seconds=0.0,
        execution_timeframe=books[0].market.execution.timeframe,
        funding_paid=sum(book.result.funding_paid for book in results),
        fees_paid=sum(book.result.fees_paid for book in results),
        mark_fallbacks=sum(book.result.mark_fallbacks for book in results),
        not_modelled=tuple(missing),
    )


def _returns(value: FloatArray, before: FloatArray) -> FloatArray:
    """Compute simple returns against what stood before; 0 from the day on which nothing is left."""
    ratio = np.divide(value, before, out=np.ones_like(value), where=before > 0.0)
    returns: FloatArray = np.maximum(ratio - 1.0, -1.0)
    return returns


def _book_result(
    book: PlannedBook,
    outcome: LoopResult,
    record: PortfolioRecord,
    number: int,
    account: tuple[int, FloatArray],
) -> BookResult:
    """Make one book's result; ``account`` is its first day and its value before each day, in its units."""
    first_day, before = account
    market, capital = book.market, book.settings.capital
    equity = record.equity[number] - book.share * record.paid
    own = slice(market.first_day - first_day, market.first_day - first_day + market.n_days)
    state = outcome.state
    curve = state.curve._replace(equity=float(equity[own][-1]))
    ended = outcome._replace(state=state._replace(curve=curve))
    kept = Record(equity[None, own], np.empty((1, 0)), record.trades[number : number + 1])
    earned = np.diff(equity, prepend=capital)
    share_of = np.divide(earned, before, out=np.zeros_like(earned), where=before > 0.0)
    notional = record.notional[number]
    value = record.value
    net = np.divide(notional, value, out=np.zeros_like(notional), where=value > 0.0)
    return BookResult(
        book.name,
        book.symbol,
        book.share,
        replace(result_of(ended, market, book.settings, kept), bar_equity=np.empty(0)),
        share_of,
        net,
    )
