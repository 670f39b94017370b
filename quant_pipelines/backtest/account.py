"""The backtest of several books in one account: strategies on shares, symbols side by side, one cash.

Each (strategy, symbol) is a virtual book with its own position, stops, fees, funding and round trips; the
account's value is its reserve and the equity of all books. Every book is sized, and its limits are measured,
on its share of that value; an equity stop looks at the book's own equity. Isolated margin liquidates a book
by itself; what cross margin does is written down in ``accounting.cross_margin``.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from quant_pipelines.accounting import open_account
from quant_pipelines.accounting.nav import Flow
from quant_pipelines.backtest.account_plan import (
    Allocation,
    PlannedBook,
    allocations_of,
    days_of,
    is_alone,
    plan_books,
    reel_of,
    reserve_of,
    schedule_of,
    table_of,
    terms_of,
)
from quant_pipelines.backtest.account_result import AccountResult, Passed, account_result
from quant_pipelines.backtest.batch import DEFAULTS, FIRST_CAPACITY, run_alone
from quant_pipelines.backtest.market import NO_FEED, NO_FEEDS, SymbolFeed
from quant_pipelines.backtest.portfolio_fund import Fund
from quant_pipelines.backtest.portfolio_loop import run_books
from quant_pipelines.backtest.portfolio_values import PortfolioRecord, Schedule
from quant_pipelines.backtest.result import BacktestResult
from quant_pipelines.backtest.settings import BacktestSettings
from quant_pipelines.backtest.state import opening_state
from quant_pipelines.backtest.trades import COLUMNS
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.sdk.strategy import Strategy


def run_account(
    allocations: Sequence[Allocation],
    *,
    feeds: Mapping[str, SymbolFeed] = NO_FEEDS,
    settings: BacktestSettings = DEFAULTS,
    flows: Sequence[Flow] = (),
) -> AccountResult:
    """Backtest strategies on shares of one account; one strategy on one symbol equals ``run_backtest``.

    Parameters
    ----------
    allocations
        Strategies with their bars and shares.
    feeds
        What else is known, by symbol.
    settings
        Capital of the account, rules of every book, and window.
    flows
        Deposits and withdrawals; each is paid at the open of the first bar at or after its time, into the
        books by their shares and the rest into the reserve.

    Raises
    ------
    StrategyError
        If a strategy's target can't be used.
    BacktestError
        If the shares, the window or the flows can't be used.
    """
    started = time.perf_counter()
    books = plan_books(allocations, feeds, settings)
    schedule = schedule_of(books, flows)
    record = portfolio_record(books, schedule, has_bar_value=settings.has_bar_equity)
    flat = opening_state(open_account(0.0), int(schedule.grid[0]))
    start = (flat, float(settings.capital), reserve_of(books, settings.capital))
    given = (reel_of(books), table_of(books), schedule, start, terms_of(books, settings))
    outcomes, fund = run_books(*given, record)
    require_paid(fund, schedule)
    needed = max(outcome.log.finished for outcome in outcomes)
    if needed > record.trades.shape[1]:
        record = record._replace(trades=np.empty((len(books), needed, len(COLUMNS))))
        outcomes, fund = run_books(*given, record)
    result = account_result(books, Passed(schedule.grid, outcomes, fund, record), settings.capital)
    return replace(result, seconds=time.perf_counter() - started)


def run_symbols(
    strategy: Strategy,
    bars: Sequence[Bars],
    *,
    feeds: Mapping[str, SymbolFeed] = NO_FEEDS,
    settings: BacktestSettings = DEFAULTS,
) -> BacktestResult:
    """Backtest a strategy on one symbol, or on several in one account: together, or with an equal share each.

    Parameters
    ----------
    strategy
        Instance with its parameters.
    bars
        Of each symbol.
    feeds
        What else is known, by symbol.
    settings
        Capital of the account, rules of every book, and window.

    Returns
    -------
    BacktestResult
        An ``AccountResult`` where there is more than one book.

    Raises
    ------
    StrategyError
        If the strategy's target can't be used, or it trades another number of symbols together.
    BacktestError
        If the window has no bars or the execution bars don't fit.
    """
    if is_alone(type(strategy), bars):
        (one,) = bars
        return run_alone(strategy, one, settings, feeds.get(one.symbol, NO_FEED))
    return run_account(allocations_of(strategy, bars), feeds=feeds, settings=settings)


def portfolio_record(
    books: Sequence[PlannedBook], schedule: Schedule, *, has_bar_value: bool
) -> PortfolioRecord:
    """Arrays for a pass."""
    _, n_days = days_of(schedule.grid)
    by_day = (len(books), n_days)
    return PortfolioRecord(
        np.empty(n_days),
        np.empty(n_days),
        np.empty(n_days),
        np.empty(by_day),
        np.empty(by_day),
        np.empty(len(schedule.grid) if has_bar_value else 0),
        np.empty((len(books), FIRST_CAPACITY, len(COLUMNS))),
    )


def require_paid(fund: Fund, schedule: Schedule) -> None:
    """Refuse a flow that the account's value could not bear.

    Raises
    ------
    BacktestError
        Naming the flow and the value.
    """
    if fund.is_broken:
        amount, when = schedule.flow_amount[fund.flow], from_ms(int(schedule.flow_ts[fund.flow]))
        raise BacktestError(
            f"flow of {amount:,.2f} at {when:%Y-%m-%d %H:%M} meets a value of {fund.value:,.2f}; "
            "expected a positive value before and after it"
        )
