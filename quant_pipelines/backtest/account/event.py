"""The driver of an account row by row: each book is a ``Book``, its strategy sees nothing but the past."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np

from quant_pipelines.accounting.nav import Flow
from quant_pipelines.backtest.account.fund import first_fund, fund_after_flow, fund_at_close, fund_at_open
from quant_pipelines.backtest.account.member import Known, Member, known_anew
from quant_pipelines.backtest.account.plan import AccountPlan, Allocation, plan_account
from quant_pipelines.backtest.account.result import AccountResult, account_result
from quant_pipelines.backtest.account.run_pass import new_record, require_paid
from quant_pipelines.backtest.account.values import Passed
from quant_pipelines.backtest.bar.state import StepBar
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
        self._fund = first_fund(plan.reserve, float(plan.settings.capital), first)
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
        due = [
            (member, bar, support)
            for member, bar, support in zip(self._members, bars, self._supports(bars, ts), strict=True)
            if bar is not None
        ]
        for member, bar, support in due:
            member.step(bar, support)
        self._value(ts + self._step_ms)
        for member, _, _ in due:
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
            fill = member.recorder.close(member.book)
            if fill.quantity != 0.0:
                traded, is_closed = traded + abs(fill.quantity) * fill.price, True
            value += member.book.equity
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
        return Passed(outcomes, self._fund, self._record._replace(trades=trades))

    def _pay(self, amount: float) -> None:
        rest = amount
        for member in self._members:
            rest -= amount * member.share
        self._fund = fund_after_flow(self._fund, amount, rest)
        require_paid(self._fund, self._plan.schedule)
        for member in self._members:
            member.transfer(amount * member.share)

    def _supports(self, bars: Sequence[StepBar | None], ts: int) -> list[float]:
        """Return what stands behind each book's own cash in a row."""
        if not self._plan.is_cross:
            return [0.0] * len(bars)
        worst = [member.worst(bar, ts) for member, bar in zip(self._members, bars, strict=True)]
        others = ([*worst[:number], *worst[number + 1 :]] for number in range(len(worst)))
        return [reduce(add, balances, self._fund.reserve) for balances in others]

    def _value(self, close_ts: int) -> None:
        value, gross, traded = self._fund.reserve, 0.0, 0.0
        for member in self._members:
            state = member.state
            value += state.curve.equity
            gross += abs(state.account.position) * state.close
            traded += member.recorder.tally.traded_notional
        self._fund = fund_at_close(self._fund, value, gross, traded, close_ts)

    def _write(self, day: int) -> None:
        record, fund = self._record, self._fund
        record.value[day], record.units[day], record.paid[day] = fund.value, fund.units, fund.paid
        for number, member in enumerate(self._members):
            state = member.state
            record.equity[number, day] = state.curve.equity
            record.notional[number, day] = state.account.position * state.close
