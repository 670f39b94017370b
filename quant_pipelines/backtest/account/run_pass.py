"""The compiled pass over a planned account."""

import numpy as np

from quant_pipelines.backtest.account.fund import Fund
from quant_pipelines.backtest.account.loop import run_books
from quant_pipelines.backtest.account.opening import rows_of_starts, starts_of
from quant_pipelines.backtest.account.plan import AccountPlan
from quant_pipelines.backtest.account.reel import terms_of, wanted_by
from quant_pipelines.backtest.account.values import AccountRecord, Opening, Passed, Reel, Schedule
from quant_pipelines.backtest.bar.trades import COLUMNS
from quant_pipelines.backtest.batch.run_pass import FIRST_CAPACITY
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.timeframes import from_ms


def pass_over(plan: AccountPlan, reel: Reel) -> Passed:
    """Run all books of a plan, whose bars are laid out in ``reel``.

    Raises
    ------
    StrategyError
        If a strategy's target, or a factor on its stops, can't be used.
    BacktestError
        If a flow can't be paid.
    """
    record, capital = new_record(plan), float(plan.settings.capital)
    starts = rows_of_starts(starts_of(plan.books, int(plan.schedule.grid[0])))
    start, terms = (
        Opening(starts, capital, plan.first_value, plan.reserve),
        terms_of(plan.books, plan.settings),
    )
    given = (reel, wanted_by(plan.books), plan.schedule, start, terms)
    outcomes, fund = run_books(*given, record)
    require_paid(fund, plan.schedule)
    needed = max(outcome.log.finished for outcome in outcomes)
    if needed > record.trades.shape[1]:
        record = new_record(plan, capacity=needed)
        outcomes, fund = run_books(*given, record)
    return Passed(outcomes, fund, record, [None] * len(outcomes))


def new_record(plan: AccountPlan, *, capacity: int = FIRST_CAPACITY) -> AccountRecord:
    """Arrays for a pass, with room for that many round trips of each book."""
    n_books, n_days = len(plan.books), plan.n_days
    n_rows = len(plan.schedule.grid) if plan.settings.has_bar_equity else 0
    value, units, paid = np.empty((3, n_days))
    equity, notional = np.empty((2, n_books, n_days))
    trades = np.empty((n_books, capacity, len(COLUMNS)))
    return AccountRecord(value, units, paid, equity, notional, np.empty(n_rows), trades)


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
