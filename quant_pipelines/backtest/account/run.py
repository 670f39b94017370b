"""The backtest of several books in one account: strategies on shares, symbols side by side, one cash.

Each (strategy, symbol) is a virtual book with its own position, stops, fees, funding and round trips; the
account's value is its reserve and the equity of all books. Every book is sized, and its limits are measured,
on its share of that value; an equity stop looks at the book's own equity. Isolated margin liquidates a book
by itself; what cross margin does is written down in ``accounting.cross_margin``.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from quant_pipelines.accounting.nav import Flow
from quant_pipelines.backtest.account.event import drive_account
from quant_pipelines.backtest.account.member import known_ahead
from quant_pipelines.backtest.account.plan import (
    AccountPlan,
    Allocation,
    allocations_of,
    plan_account,
)
from quant_pipelines.backtest.account.reel import reel_of
from quant_pipelines.backtest.account.result import AccountResult, account_result
from quant_pipelines.backtest.account.run_pass import pass_over
from quant_pipelines.backtest.account.values import Passed, Reel
from quant_pipelines.backtest.batch.result import BacktestResult
from quant_pipelines.backtest.book.alone import is_alone, run_alone
from quant_pipelines.backtest.market.market import NO_FEED, NO_FEEDS, SymbolFeed
from quant_pipelines.backtest.market.settings import DEFAULTS, BacktestSettings
from quant_pipelines.core.bars import Bars
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
    plan = plan_account(allocations, feeds, settings, flows)
    result = account_result(plan, run_plan(plan, reel_of(plan.books)))
    return replace(result, seconds=time.perf_counter() - started)


def run_plan(plan: AccountPlan, reel: Reel) -> Passed:
    """Run a planned account, whose bars are laid out in ``reel``."""
    return drive_account(plan, known_ahead(plan)) if plan.places_orders else pass_over(plan, reel)


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
