"""The portfolio driven row by row: strategies see nothing but the past; equal to ``run_portfolio``."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from quant_pipelines.accounting import open_account
from quant_pipelines.accounting.nav import Flow, growth_by
from quant_pipelines.backtest.batch import DEFAULTS
from quant_pipelines.backtest.loop import LoopResult
from quant_pipelines.backtest.portfolio import NO_FEEDS, portfolio_record, require_paid
from quant_pipelines.backtest.portfolio_fund import (
    Fund,
    first_fund,
    fund_after_flow,
    fund_at_close,
    fund_at_open,
)
from quant_pipelines.backtest.portfolio_loop import (
    bar_at,
    logged,
    resting_bar,
    worst_of,
)
from quant_pipelines.backtest.portfolio_plan import (
    Allocation,
    PlannedBook,
    SymbolFeed,
    plan_books,
    reel_of,
    reserve_of,
    schedule_of,
)
from quant_pipelines.backtest.portfolio_result import PortfolioResult, portfolio_result
from quant_pipelines.backtest.portfolio_values import PortfolioRecord, Schedule
from quant_pipelines.backtest.readings import latest_volatility
from quant_pipelines.backtest.settings import BacktestSettings
from quant_pipelines.backtest.state import (
    BookState,
    StepBar,
    close_out,
    opening_state,
    with_inputs,
    with_order,
    with_transfer,
)
from quant_pipelines.backtest.step import step_bar
from quant_pipelines.backtest.stop_rules import latest_inputs
from quant_pipelines.backtest.stops import END
from quant_pipelines.backtest.tally import Tally, drawdown_after, tally_end, traded_in
from quant_pipelines.backtest.trades import COLUMNS, EMPTY_LOG, TradeEnd, TradeLog, add_closing
from quant_pipelines.core.depth import NO_LADDER
from quant_pipelines.core.panel import Panel
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.trading.cycle import BookView, decide


def run_event_portfolio(
    allocations: Sequence[Allocation],
    *,
    feeds: Mapping[str, SymbolFeed] = NO_FEEDS,
    settings: BacktestSettings = DEFAULTS,
    flows: Sequence[Flow] = (),
) -> PortfolioResult:
    """Backtest as a runner of several books would work: one closed row after the other.

    Targets are computed anew at every decision from what was known then; the time grows with the square of
    the number of bars.

    Parameters
    ----------
    allocations, feeds, settings, flows
        As in ``run_portfolio``.
    """
    started = time.perf_counter()
    books = plan_books(allocations, feeds, settings)
    schedule = schedule_of(books, flows)
    record = portfolio_record(books, schedule, has_bar_value=settings.has_bar_equity)
    longest = 2 * len(schedule.grid) + 1
    record = record._replace(trades=np.empty((len(books), longest, len(COLUMNS))))
    driver = _Driver(books, schedule, settings, record)
    for row in range(len(schedule.grid)):
        driver.play(row)
    if settings.close_at_end:
        driver.close()
    outcomes = [LoopResult(one.state, one.log, one.tally) for one in driver.held]
    result = portfolio_result(books, (outcomes, driver.fund), schedule, record, settings.capital)
    return replace(result, seconds=time.perf_counter() - started)


@dataclass
class _Held:
    """A book between two rows."""

    plan: PlannedBook
    state: BookState
    tally: Tally
    first: int
    row: int
    log: TradeLog = EMPTY_LOG

    @property
    def own_row(self) -> int:
        """Of its next bar among those of its market."""
        return self.row - self.first

    def has_bar(self, ts: int) -> bool:
        """Whether its symbol has an execution bar that opens then."""
        times = self.plan.market.execution.ts
        return self.own_row < times.size and int(times[self.own_row]) == ts


class _Driver:
    """All books and the account, moved on a row at a time."""

    def __init__(
        self,
        books: Sequence[PlannedBook],
        schedule: Schedule,
        settings: BacktestSettings,
        record: PortfolioRecord,
    ) -> None:
        self._schedule, self._settings, self._record = schedule, settings, record
        first, capital = int(schedule.grid[0]), float(settings.capital)
        self.fund: Fund = first_fund(reserve_of(books, capital), capital, first)
        flat = opening_state(open_account(0.0), first)
        self._reel = reel_of(books)
        self.held = [
            _Held(
                book,
                with_transfer(flat, capital * book.share),
                Tally(0, 0.0, capital * book.share, 0.0),
                int(self._reel.first[b]),
                int(self._reel.first[b]),
            )
            for b, book in enumerate(books)
        ]
        self._terms = [
            book.settings.step_terms(
                book.allocation.strategy, book.market.execution.step_ms, book.market.bars.step_ms
            )
            for book in books
        ]
        self._day = 0

    def play(self, row: int) -> None:
        """Move on by one row of the grid."""
        ts = int(self._schedule.grid[row])
        day = ts // DAY_MS - int(self._schedule.grid[0]) // DAY_MS
        for missing in range(self._day + 1, day):
            self._write(missing)
        self._day = day
        self.fund = fund_at_open(self.fund, ts)
        while self._schedule.flow_ts[self.fund.flow] <= ts:
            self._pay(float(self._schedule.flow_amount[self.fund.flow]))
        values = self._reel.values
        bars = [bar_at(values, one.row, ts, NO_LADDER) if one.has_bar(ts) else None for one in self.held]
        for number, (bar, support) in enumerate(zip(bars, self._supports(bars, ts), strict=True)):
            if bar is not None:
                self._step(number, bar, support)
        self._value(ts + self._terms[0].step_ms)
        for number, bar in enumerate(bars):
            if bar is not None:
                self._decide(number)
        self._write(day)
        if self._record.bar_value.size:
            self._record.bar_value[row] = self.fund.value

    def close(self) -> None:
        """Close every position at its last close."""
        value, tally = self.fund.reserve, self.fund.tally
        traded, is_closed = tally.traded_notional, False
        for number, (one, terms) in enumerate(zip(self.held, self._terms, strict=True)):
            one.state, fill = close_out(one.state, terms)
            if fill.quantity != 0.0:
                last = int(one.plan.market.execution.ts[-1])
                end = TradeEnd(last + terms.step_ms, END, True, number)
                one.log = add_closing(one.log, fill, end, self._record.trades)
                one.tally = tally_end(one.tally, fill, one.state.curve.equity)
                traded, is_closed = traded + abs(fill.quantity) * fill.price, True
            value += one.state.curve.equity
        if is_closed:
            deepest = drawdown_after(tally.max_drawdown, tally.peak, value)
            tally = Tally(tally.bars_held, traded, tally.peak, deepest)
        self.fund = self.fund._replace(value=value, tally=tally)
        self._write(self._day)
        self._record.bar_value[-1:] = value

    def _pay(self, amount: float) -> None:
        rest = amount
        for one in self.held:
            rest -= amount * one.plan.share
        self.fund = fund_after_flow(self.fund, amount, rest)
        require_paid(self.fund, self._schedule)
        for one in self.held:
            part, value = amount * one.plan.share, one.state.curve.equity
            growth = growth_by(value, part) if value > 0.0 else 1.0
            one.tally = one.tally._replace(peak=one.tally.peak * growth)
            one.state = with_transfer(one.state, part)

    def _supports(self, bars: Sequence[StepBar | None], ts: int) -> list[float]:
        margin = self._terms[0].margin
        if not len(margin.brackets) or margin.leverage > 0.0:
            return [0.0] * len(bars)
        worst = [
            worst_of(one.state, bar if bar is not None else resting_bar(one.state, ts, NO_LADDER), terms)
            for one, bar, terms in zip(self.held, bars, self._terms, strict=True)
        ]
        supports = []
        for number in range(len(bars)):
            support = self.fund.reserve
            for other, balance in enumerate(worst):
                if other != number:
                    support += balance
            supports.append(support)
        return supports

    def _step(self, number: int, bar: StepBar, support: float) -> None:
        one, terms = self.held[number], self._terms[number]
        outcome = step_bar(one.state, bar, terms._replace(margin=terms.margin._replace(support=support)))
        one.state, tally = outcome.state, one.tally
        peak = max(tally.peak, one.state.curve.equity)
        one.tally = Tally(
            tally.bars_held + (one.state.account.position != 0.0),
            traded_in(tally.traded_notional, outcome),
            peak,
            drawdown_after(tally.max_drawdown, peak, one.state.curve.equity),
        )
        one.log = logged(one.log, outcome, (bar.ts, number), self._record.trades)

    def _value(self, close_ts: int) -> None:
        value, gross, traded = self.fund.reserve, 0.0, 0.0
        for one in self.held:
            value += one.state.curve.equity
            gross += abs(one.state.account.position) * one.state.close
            traded += one.tally.traded_notional
        self.fund = fund_at_close(self.fund, value, gross, traded, close_ts)

    def _decide(self, number: int) -> None:
        """Decide on what is known at the close of a book's bar, and move it on to the next."""
        one = self.held[number]
        plan, known = one.plan, int(one.plan.market.decision_row[one.own_row])
        one.row += 1
        if known < 0:
            return
        member = plan.market.bars.rows(0, known + 1)
        one.state = with_inputs(one.state, latest_inputs(plan.allocation.strategy, member))
        state, fund = one.state, self.fund
        view = BookView(
            state.account.position + state.order.quantity,
            plan.share * fund.value,
            state.close,
            plan.share * fund.day_start,
            state.target_side,
            latest_volatility(member, plan.settings.rules),
            orders_today=float(state.day.n_orders),
        )
        decision = decide(view, _latest_target(plan, int(member.ts[-1])), plan.settings.rules)
        wait_bars = self._terms[number].fills.latency_bars
        one.state = with_order(state, decision.order_quantity, decision.target_side, wait_bars)

    def _write(self, day: int) -> None:
        record, fund = self._record, self.fund
        record.value[day], record.units[day], record.paid[day] = fund.value, fund.units, fund.paid
        for number, one in enumerate(self.held):
            record.equity[number, day] = one.state.curve.equity
            record.notional[number, day] = one.state.account.position * one.state.close


def _latest_target(book: PlannedBook, ts: int) -> float:
    """Target at a bar of a book's symbol, from all bars of the allocation that opened up to then."""
    allocation = book.allocation
    known = allocation.bars.between(0, ts + 1)
    target = target_of(allocation.strategy, known)
    return float(target[-1, book.column] if isinstance(known, Panel) else target[-1])
