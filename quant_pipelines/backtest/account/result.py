"""What a backtest of several books in one account returns: a backtest's result, and what each book did."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from quant_pipelines.accounting.account import DUST
from quant_pipelines.backtest.account.plan import AccountPlan
from quant_pipelines.backtest.account.shortfall import Shortfall, shortfalls_of
from quant_pipelines.backtest.account.values import AccountRecord, Passed
from quant_pipelines.backtest.bar.trades import EXIT_TS, PNL, Trade
from quant_pipelines.backtest.batch.result import (
    BacktestResult,
    activity_of,
    day_keys,
    metrics_of,
    result_of,
    returns_on,
)
from quant_pipelines.backtest.market.funding import FundingUse
from quant_pipelines.backtest.market.marks import MarkUse
from quant_pipelines.backtest.market.tape import Record
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.known_funding import all_known

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

    @property
    def trades(self) -> list["BookTrade"]:
        """Finished round trips, oldest first."""
        return [
            BookTrade(**trade.to_document(), symbol=self.symbol, book=self.name)
            for trade in self.result.trades
        ]


@dataclass(frozen=True, slots=True)
class BookTrade(Trade):
    """Finished round trip, on which symbol and of which book."""

    symbol: str
    book: str

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Names of the members of its document: which book it is of is told by the symbol."""
        return ("symbol", *Trade.columns())


@dataclass(frozen=True, eq=False)
class AccountResult(BacktestResult):
    """Outcome of several books in one account; what a backtest has means the same of all of them together.

    There is no one ``open_position``. ``bars`` counts those of all books.

    Parameters
    ----------
    books
        In the order of the allocations and of the symbols in them.
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
    insurance_paid
        What the exchange's insurance fund paid, quote, since the account would have ended below 0.
    """

    books: tuple[BookResult, ...]
    daily_units: FloatArray
    bar_ts: IntArray
    net_flows: float
    max_gross_exposure: float
    insurance_paid: float

    @cached_property
    def trades(self) -> tuple[BookTrade, ...]:
        """Finished round trips of all books, by the time of their end."""
        found = [trade for book in self.books for trade in book.trades]
        return tuple(sorted(found, key=lambda one: (one.exit_time, one.symbol, one.book)))

    @property
    def curve(self) -> FloatArray:
        """What the capital became at each day's end without flows of cash, quote."""
        return self.daily_equity * (self.capital / self.daily_units)

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
    def shortfalls(self) -> tuple[Shortfall, ...]:
        """Books that lost more than their own capital, and who paid."""
        names = [f"{at + 1} {book.name} {book.symbol}" for at, book in enumerate(self.books)]
        held = [book.result.final_equity + book.share * self.net_flows for book in self.books]
        least = DUST * self.capital  # float noise is no shortfall
        known = {name: value for name, value in zip(names, held, strict=True) if abs(value) > least}
        return shortfalls_of(known, self.final_equity - sum(held) - self.insurance_paid, self.insurance_paid)

    @property
    def correlation(self) -> FloatArray:
        """Of the books' contributions, shape (n_books, n_books); NaN with a book that never earned."""
        rows = np.array([book.contribution for book in self.books])
        centered = rows - rows.mean(axis=1, keepdims=True)
        size = np.sqrt((centered**2).sum(axis=1))
        with np.errstate(invalid="ignore", divide="ignore"):
            matrix: FloatArray = (centered @ centered.T) / np.outer(size, size)
        return matrix


def account_result(plan: AccountPlan, passed: Passed) -> AccountResult:
    """Make the result of a pass."""
    grid, capital, fund, record = plan.schedule.grid, plan.settings.capital, passed.fund, passed.record
    before = value_before(record, capital)
    parts = tuple(_book_result(plan, passed, number, before) for number in range(len(plan.books)))
    results = [part.result for part in parts]
    returns, rows = returns_on(before, record.value), rows_of(passed)
    activity = activity_of(fund.tally, capital, bars=len(grid), days=plan.n_days)
    return AccountResult(
        trade_rows=rows,
        open_position=None,
        capital=capital,
        final_equity=fund.value,
        days=day_keys(plan.first_day, plan.n_days),
        daily_returns=returns,
        daily_equity=record.value,
        bar_equity=record.bar_value,
        bar_position=np.empty(0),
        metrics=metrics_of(returns, rows[:, PNL], activity),
        bars=sum(one.bars for one in results),
        seconds=0.0,
        execution_timeframe=results[0].execution_timeframe,
        funding_paid=sum(one.funding_paid for one in results),
        fees_paid=sum(one.fees_paid for one in results),
        funding_use=FundingUse(*map(sum, zip(*(one.funding_use for one in results), strict=True))),
        known_funding=all_known([one.known_funding for one in results]),
        unfilled_exits=sum(one.unfilled_exits for one in results),
        not_modelled=_not_modelled(parts),
        mark_use=MarkUse(*map(sum, zip(*(one.mark_use for one in results), strict=True))),
        depth_fallbacks=sum(one.depth_fallbacks for one in results),
        books=parts,
        daily_units=record.units,
        bar_ts=grid if record.bar_value.size else np.empty(0, dtype=np.int64),
        net_flows=fund.paid,
        max_gross_exposure=fund.max_gross,
        insurance_paid=fund.insured if fund.insured > DUST * capital else 0.0,
    )


def value_before(record: AccountRecord, capital: float) -> FloatArray:
    """Account's value before each day, in the units of the day; shape (n_days,)."""
    value, units = (np.concatenate([[capital], column[:-1]]) for column in (record.value, record.units))
    before: FloatArray = value * (record.units / units)
    return before


def rows_of(passed: Passed) -> FloatArray:
    """Round trips of all books, in the order in which they ended."""
    counts = [outcome.log.finished for outcome in passed.outcomes]
    rows = np.concatenate([rows[:n] for rows, n in zip(passed.record.trades, counts, strict=True)])
    return rows[np.argsort(rows[:, EXIT_TS], kind="stable")]


def _not_modelled(parts: Sequence[BookResult]) -> tuple[str, ...]:
    missing = dict.fromkeys(text for part in parts for text in part.result.not_modelled)
    if len({part.symbol for part in parts}) < len(parts):
        missing[CROSSING] = None
    return tuple(missing)


def _book_result(plan: AccountPlan, passed: Passed, number: int, before: FloatArray) -> BookResult:
    """Make one book's result; ``before`` is the account's value before each day, in its units."""
    book, record, outcome = plan.books[number], passed.record, passed.outcomes[number]
    market = book.market
    equity = record.equity[number] - book.share * record.paid
    first = market.first_day - plan.first_day
    own = equity[first : first + market.n_days].copy()
    own[-1] = equity[-1]  # what it costs to leave is paid at the account's end, and is its last day's
    state = outcome.state
    curve = state.curve._replace(equity=float(own[-1]))
    ended = outcome._replace(state=state._replace(curve=curve))
    kept = Record(own[None], np.empty((1, 0)), np.empty((1, 0)), record.trades[number : number + 1])
    earned = np.diff(equity, prepend=book.settings.capital)
    result = replace(result_of(ended, market, book.settings, kept), bar_equity=np.empty(0))
    notional, value = record.notional[number], record.value
    return BookResult(
        book.name, book.symbol, book.share, result, _over(earned, before), _over(notional, value)
    )


def _over(amount: FloatArray, value: FloatArray) -> FloatArray:
    """Amounts over the account's value, 0 where nothing is left of it."""
    return np.divide(amount, value, out=np.zeros_like(amount), where=value > 0.0)
