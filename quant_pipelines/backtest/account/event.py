"""The driver of an account row by row: each book is a ``Book``, its strategy sees nothing but the past."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np

from quant_pipelines.accounting.account import equity
from quant_pipelines.accounting.nav import Flow
from quant_pipelines.backtest.account.fund import (
    first_fund,
    fund_after_flow,
    fund_at_close,
    fund_at_open,
    fund_insured,
)
from quant_pipelines.backtest.account.member import Known, Member, known_anew
from quant_pipelines.backtest.account.plan import AccountPlan, Allocation, plan_account
from quant_pipelines.backtest.account.result import AccountResult, account_result
from quant_pipelines.backtest.account.row import Behind, step_row
from quant_pipelines.backtest.account.run_pass import new_record, require_paid
from quant_pipelines.backtest.account.shared_margin import is_nothing_left
from quant_pipelines.backtest.account.values import Passed
from quant_pipelines.backtest.bar.tally import drawdown_after
from quant_pipelines.backtest.book.values import Part
from quant_pipelines.backtest.market.market import NO_FEEDS, SymbolFeed
from quant_pipelines.backtest.market.settings import DEFAULTS, BacktestSettings
from quant_pipelines.core.timeframes import DAY_MS


def run_event_account(
    allocations: Sequence[Allocation],
    *,
    feeds: Mapping[str, SymbolFeed] = NO_FEEDS,
    settings: BacktestSettings = DEFAULTS,
    flows: Sequence[Flow] = (),
) -> AccountResult:
    """Backtest as a runner of several books would work: one closed row after the other.

    Targets are computed anew at every decision from what was known then; the time grows with the square of
    the number of bars.

    Parameters
    ----------
    allocations, feeds, settings, flows
        As in ``run_account``.
    """
    started = time.perf_counter()
    plan = plan_account(allocations, feeds, settings, flows)
    result = account_result(plan, drive_account(plan, known_anew(plan)))
    return replace(result, seconds=time.perf_counter() - started)


def drive_account(plan: AccountPlan, known: Sequence[Known]) -> Passed:
    """Run a planned account, a row after the other.

    Raises
    ------
    StrategyError
        If a strategy raises or its target can't be used; the sentence names it.
    BacktestError
        If a flow can't be paid.
    """
    driver = _Driver(plan, known)
    for row, ts in enumerate(plan.schedule.grid.tolist()):
        driver.play(row, ts)
    if plan.settings.close_at_end:
        driver.close()
    return driver.passed()


class _Driver:
    """All books and the account, moved on a row at a time."""

    def __init__(self, plan: AccountPlan, known: Sequence[Known]) -> None:
        self._plan, self._record, self._day = plan, new_record(plan), 0
        first = int(plan.schedule.grid[0])
        units = float(plan.settings.capital)
        self._fund = first_fund(plan.reserve, plan.first_value, units, first)
        self._members = [Member(*pair, first) for pair in zip(plan.books, known, strict=True)]
        self._step_ms = plan.books[0].market.execution.step_ms

    def play(self, row: int, ts: int) -> None:
        """Move on by one row of the grid."""
        day, flows = ts // DAY_MS - self._plan.first_day, self._plan.schedule
        for missing in range(self._day + 1, day):
            self._write(missing)
        self._day = day
        self._fund = fund_at_open(self._fund, ts)
        while flows.flow_ts[self._fund.flow] <= ts:
            self._pay(float(flows.flow_amount[self._fund.flow]))
        bars = [member.due(ts) for member in self._members]
        step_row(self._members, bars, ts, Behind(self._fund.reserve, self._debt, self._plan.is_cross))
        self._value(ts + self._step_ms)
        due = [member for member, bar in zip(self._members, bars, strict=True) if bar is not None]
        for member in due:
            share = member.share
            member.act(Part(share * self._fund.value, share * self._fund.day_start))
        self._write(day)
        if self._record.bar_value.size:
            self._record.bar_value[row] = self._fund.value

    def close(self) -> None:
        """Close every position at its last close."""
        value, tally = self._fund.reserve, self._fund.tally
        traded, is_closed = tally.traded_notional, False
        for member in self._members:
            fill = member.recorder.close(member.book, debt=self._debt)
            if fill.quantity != 0.0:
                traded, is_closed = traded + abs(fill.quantity) * fill.price, True
            value += member.book.equity
        if is_nothing_left(value, self._noise_of):
            self._fund, value = fund_insured(self._fund, value), 0.0
        if is_closed:
            deepest = drawdown_after(tally.max_drawdown, tally.peak, value)
            tally = tally._replace(traded_notional=traded, max_drawdown=deepest)
        self._fund = self._fund._replace(value=value, tally=tally)
        self._write(self._day)
        self._record.bar_value[-1:] = value

    def passed(self) -> Passed:
        """Return what the account leaves."""
        outcomes = [member.outcome for member in self._members]
        room = max(outcome.log.finished for outcome in outcomes)
        trades = np.stack([member.recorder.rows(room) for member in self._members])
        desks = [member.desk for member in self._members]
        return Passed(outcomes, self._fund, self._record._replace(trades=trades), desks)

    def _pay(self, amount: float) -> None:
        rest = amount
        for member in self._members:
            rest -= amount * member.share
        self._fund = fund_after_flow(self._fund, amount, rest)
        require_paid(self._fund, self._plan.schedule)
        for member in self._members:
            member.transfer(amount * member.share)

    @property
    def _debt(self) -> float:
        """How far a book may be below 0: one alone as far as the reserve reaches; see ``MarginTerms``."""
        return self._fund.reserve if len(self._members) == 1 else math.inf

    @property
    def _noise_of(self) -> float:
        """Capital that float noise is measured by; 0 for one book, which ends as a pass does."""
        return float(self._plan.settings.capital) if len(self._members) > 1 else 0.0

    def _value(self, close_ts: int) -> None:
        """Value the account; where nothing is left of it, it ends there."""
        states = [member.state for member in self._members]
        value = reduce(add, [state.curve.equity for state in states], self._fund.reserve)
        plain = reduce(add, [equity(state.account, state.close) for state in states], self._fund.reserve)
        if is_nothing_left(plain, self._noise_of):
            self._end()
            value = 0.0
        value = max(value, 0.0)  # below it is what exits that wait may cost: a fear, no loss
        gross = traded = 0.0
        for member in self._members:
            gross += abs(member.state.account.position) * member.state.close
            traded += member.recorder.tally.traded_notional
        self._fund = fund_at_close(self._fund, value, gross, traded, close_ts)

    def _end(self) -> None:
        for member in self._members:
            member.recorder.end(member.book)
        left = [member.state.curve.equity for member in self._members]
        self._fund = fund_insured(self._fund, reduce(add, left, self._fund.reserve))

    def _write(self, day: int) -> None:
        record, fund = self._record, self._fund
        record.value[day], record.units[day], record.paid[day] = fund.value, fund.units, fund.paid
        for number, member in enumerate(self._members):
            state = member.state
            record.equity[number, day] = state.curve.equity
            record.notional[number, day] = state.account.position * state.close
