"""Book of one deployment at a venue, in memory: what was filled, what is ordered, what the last bar was.

Cash and position change by ``accounting`` only; bars are marked, and stops moved, by what every other driver
calls. Nothing is filled here.
"""

import math
from collections.abc import Iterable
from copy import copy
from decimal import Decimal
from typing import Any

from live_runner.book.ledger import BookLedger
from live_runner.book.plan import DeploymentPlan
from quant_pipelines.accounting import (
    Account,
    apply_fill,
    apply_funding,
    apply_transfer,
    equity,
    open_account,
)
from quant_pipelines.accounting.margin import NO_MARGIN
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.backtest.bar.document import state_document, state_from_document
from quant_pipelines.backtest.bar.standing import standing_at_close, standing_at_entry, standing_resized
from quant_pipelines.backtest.bar.state import with_transfer
from quant_pipelines.backtest.bar.step import BookState, StepBar, opening_state, step_bar, with_inputs
from quant_pipelines.backtest.bar.stops import (
    EXIT_REASONS,
    HARD_STOP,
    NO_GUARD,
    NO_SCALES,
    NOTHING_SEEN,
    NOTHING_STANDS,
    TARGET,
    Seen,
    Standing,
    StopInputs,
    StopScales,
    StopTerms,
    moved,
    scaled,
)
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.core.timeframes import DAY_MS, floor_ms, from_ms, to_ms
from quant_pipelines.store.trading import Fill, Income, Position
from quant_pipelines.trading import BookView

DISASTER_STOP = "disaster_stop"
"""Reason of the stop at the level that the runner's settings name, where a strategy has none of its own."""

_MOST_BARS = 2_000


class VenueBook:
    """Account, last bar, stops, and decimal ledger.

    Parameters
    ----------
    plan
        Whose book.
    stop_fraction
        Distance from the entry price of the stop that stands where the strategy has no hard stop.
    fills, income
        What was booked so far, in any order.
    document
        What ``to_document`` gave at the last bar; None before the first one.

    Notes
    -----
    An entry may be booked after the close of its bar, as after a restart: its stops are then moved over the
    bars that have closed since, which are kept for as long as an order is not settled.
    """

    def __init__(
        self,
        plan: DeploymentPlan,
        stop_fraction: float,
        fills: Iterable[Fill],
        income: Iterable[Income],
        document: dict[str, Any] | None,
    ) -> None:
        capital, own = plan.deployment.capital, plan.strategy.stop_fraction
        terms = plan.paper_settings.terms
        self._terms = terms._replace(hard_stop=0.0, margin=NO_MARGIN)
        self._declared = terms.stops._replace(hard=float(own or stop_fraction))
        self._scale(NO_SCALES)
        self._hard_name = EXIT_REASONS[HARD_STOP] if own else DISASTER_STOP
        self._step_ms = plan.execution_step_ms
        self._ledger = BookLedger(capital, (), ())
        self.account: Account = open_account(float(capital))
        self._empty = opening_state(self.account, 0)
        self._state: BookState | None = None
        self._moved, self._moved_of = NOTHING_STANDS, (self.account, self._empty, self._stops)
        self._bars: list[tuple[int, Seen]] = []
        self._left_at: float | None = None
        _rehearse(self._empty, self._stops)
        n_known = self._restore(document) if document is not None else 0
        in_order = sorted(fills, key=lambda fill: (fill.ts, len(fill.trade_id), fill.trade_id))
        self._book_fills(in_order[:n_known], are_known=True)
        self.book(in_order[n_known:], sorted(income, key=lambda row: row.ts))

    @property
    def n_fills(self) -> int:
        """Number of fills."""
        return self._ledger.n_fills

    @property
    def paid_in(self) -> Decimal:
        """Capital that it has, quote."""
        return self._ledger.paid_in

    @property
    def equity(self) -> float:
        """Equity at the last bar's close, quote."""
        return equity(self.account, self._state.close) if self._state else self.account.cash

    @property
    def stop_price(self) -> float | None:
        """Level of the stop in force, quote per base; None when flat."""
        return float(self._in_force().price) or None

    @property
    def stop_name(self) -> str:
        """Which stop that level is of."""
        reason = self._in_force().guard.reason
        return self._hard_name if reason == HARD_STOP else EXIT_REASONS[reason]

    @property
    def stop_tightening(self) -> float:
        """Factor of the equity's slope on the distances of stops, as of the last close."""
        return float(self._state.seen.tightening) if self._state is not None else 1.0

    @property
    def goal_price(self) -> float | None:
        """Price of the take-profit, quote per base; None without one."""
        return float(self._state.stop.guard.goal) or None if self._state is not None else None

    @property
    def leaves_by(self) -> str:
        """Which stop closes the position at a bar's close, until that is done; empty if none does.

        It is the one whose level the close has reached, if there is one: as in the bar step, where that
        level stops the position at the next open before anything else is filled.
        """
        state, level = self._state, self.stop_price
        if state is None or state.order.quantity == 0.0:
            return ""
        side = 1.0 if self.account.position > 0.0 else -1.0
        is_reached = level is not None and side * state.close <= side * level
        return self.stop_name if is_reached else EXIT_REASONS[state.order.reason]

    @property
    def close(self) -> float:
        """Close of the last bar, quote per base; NaN before the first one."""
        return float(self._state.close) if self._state is not None and self._bars else math.nan

    @property
    def close_since_entry(self) -> float:
        """Close of the last bar, quote per base; NaN while none has ended since the entry."""
        has_ended = (
            bool(self._state and self._bars) and self._bars[-1][0] >= self._known_state().stop.guard.entry_ms
        )
        return self.close if has_ended else math.nan

    def disaster_price(self, fraction: float) -> float | None:
        """Level that is ``fraction`` from the entry price, or the stop in force where that is farther.

        Quote per base; None when flat.
        """
        held = self.account.position
        if held == 0.0:
            return None
        level = self.account.entry_price * (1.0 - math.copysign(fraction, held))
        return min(level, self.stop_price or level) if held > 0.0 else max(level, self.stop_price or level)

    def book(self, fills: Iterable[Fill], income: Iterable[Income]) -> None:
        """Change cash and position, and the stops with them."""
        fills, income = list(fills), list(income)
        self._book_fills(fills, are_known=False)
        for row in income:
            account, amount = self.account, float(row.amount)
            is_capital = row.kind == TRANSFER  # stored with a bar: what the document knows has moved with it
            self.account = apply_transfer(account, amount) if is_capital else apply_funding(account, -amount)
        self._ledger.add((), income)

    def pay(self, amount: Decimal, at_ms: int) -> Income:
        """Pay capital in at a bar's close, or out where it is negative: neither profit nor loss."""
        row = Income(TRANSFER, from_ms(at_ms), amount)
        self._state = with_transfer(self._known_state(), float(amount))
        self.book((), [row])
        return row

    def position(self) -> Position:
        """Position by the decimals, once it is proven that the floats agree."""
        return self._ledger.position(self.account, self.stop_price)

    def step(self, bar: ExecutionBar, unsettled_since_ms: int | None = None) -> None:
        """Mark the book at a closed bar, and move its stops; nothing is filled here.

        Parameters
        ----------
        bar
            The bar.
        unsettled_since_ms
            When the oldest order was decided whose fills may still come; None without one.
        """
        state = self._state or opening_state(self.account, bar.ts)
        standing, guard = state.stop, state.stop.guard
        is_entered = guard.entry_ms <= bar.ts
        waiting = state.order.quantity if is_entered else self.account.position
        held = state._replace(
            account=self.account,
            order=state.order._replace(quantity=waiting, wait_bars=1),  # an exit that the venue fills
            stop=Standing(0.0, NO_GUARD._replace(entry_ms=guard.entry_ms, time_ms=guard.time_ms)),
        )
        first, high, low, last = (float(price) for price in (bar.open, bar.high, bar.low, bar.close))
        step = StepBar(int(bar.ts), first, high, low, last, 0.0, float(bar.volume))
        marked = step_bar(held, step, self._marking).state
        order = marked.order if is_entered else marked.order._replace(quantity=0.0)
        if is_entered:
            standing = standing_at_close(self.account, standing, marked.seen, state.seen, self._stops)
        self._state = marked._replace(order=order, stop=standing)
        self._left_at = self.equity if self.leaves_by else None
        self._keep_bar(int(bar.ts), marked.seen, unsettled_since_ms)

    def ahead(self, bars: Iterable[ExecutionBar], unsettled_since_ms: int | None) -> "VenueBook":
        """Return a copy as it is once these bars are booked; see `step`."""
        marked = copy(self)
        for bar in bars:
            marked.step(bar, unsettled_since_ms)
        return marked

    def read(self, inputs: StopInputs) -> None:
        """Take over what the stops read at the bar that was decided on."""
        known = StopInputs(float(inputs.atr), float(inputs.deviation))
        self._state = with_inputs(self._known_state(), known)
        self._scale(inputs.scales)

    def act_upon(self, target_side: float) -> None:
        """Note the side of the target that was acted upon."""
        self._state = self._known_state()._replace(target_side=float(target_side))

    def clear_target(self) -> None:
        """Count no target as acted upon: the next decision takes up the strategy's."""
        if self._state is not None:
            self.act_upon(0.0)

    def forget_target(self) -> None:
        """Count only what is held as acted upon, after an order came to nothing."""
        held = self.account.position
        self.act_upon(float((held > 0.0) - (held < 0.0)))

    @property
    def first_bar_ms(self) -> int | None:
        """Open of the oldest bar that is kept, milliseconds UTC; None before the first one."""
        return self._bars[0][0] if self._bars else None

    @property
    def day_start_ms(self) -> int:
        """The last 00:00 UTC by the bars, milliseconds."""
        return self._known_state().day.end_ms - DAY_MS

    def view(
        self, ordered: Decimal, orders_today: int, *, volatility: float, data_age_seconds: float
    ) -> BookView:
        """Return what a decision sees.

        ``ordered`` is the signed quantity that may still be filled, ``orders_today`` the number of orders
        that were decided since 00:00 UTC.

        What a stop closes at this bar counts as closed, and what that cost is not known before the next one:
        whether the exit or the decision comes first makes no difference.
        """
        state, left_at = self._known_state(), None if self.account.position else self._left_at
        return BookView(
            0.0 if self.leaves_by else self.account.position + float(ordered),
            self.equity if left_at is None else left_at,
            state.close,
            state.day.start_equity,
            state.target_side,
            float(volatility),
            float(data_age_seconds),
            float(orders_today),
        )

    def to_document(self) -> dict[str, Any]:
        """Return what can't be had from fills and income, as a JSON document."""
        state = self._state
        return {
            "marks": state_document(state) if state else None,
            "fills": self.n_fills,
            "scales": self._scales._asdict(),
            "bars": [[ts, seen.low, seen.high, seen.volume] for ts, seen in self._bars],
        }

    def _restore(self, document: dict[str, Any]) -> int:
        """Go on from a document; returns how many of the oldest fills its stops know.

        One of an older version knows none: its stops are rebuilt from the fills.
        """
        if document["marks"] is not None:
            self._state = state_from_document({**state_document(self._empty), **document["marks"]})
        self._bars = [
            (int(ts), NOTHING_SEEN._replace(low=float(low), high=float(high), volume=float(volume)))
            for ts, low, high, volume in document.get("bars", ())
        ]
        self._scale(StopScales(**document.get("scales", {})))
        return int(document.get("fills", 0))

    def _scale(self, scales: StopScales) -> None:
        """Take over the factors that the strategy gave last on the values of its stops."""
        stops = self._stops = scaled(self._declared, scales)
        self._scales = scales
        at_close = StopTerms(
            time_ms=stops.time_ms,
            equity=stops.equity,
            slope_tightening=stops.slope_tightening,
            slope_days=stops.slope_days,
        )
        self._marking = self._terms._replace(stops=at_close)

    def _book_fills(self, fills: list[Fill], *, are_known: bool) -> None:
        for fill in fills:
            before = self.account.position
            quantity = float(fill.signed_quantity)
            self.account = apply_fill(self.account, quantity, float(fill.price), float(fill.fee))
            if not are_known:
                self._follow_fill(before, floor_ms(to_ms(fill.ts), self._step_ms))
        self._ledger.add(fills, ())

    def _follow_fill(self, before: float, bar_ms: int) -> None:
        """Have the stops follow a fill within the bar that opened at ``bar_ms``.

        Several fills of an entry within one bar are one at their average price, as in every driver.
        """
        state, account = self._state or self._empty, self.account
        standing, order = state.stop, state.order
        is_entry = account.position * before <= 0.0
        if account.position == 0.0:
            standing = NOTHING_STANDS
        elif is_entry or (bar_ms == standing.guard.entry_ms and self._has_bars_since(bar_ms)):
            standing = self._replayed(standing_at_entry(account, bar_ms, state.seen, self._stops), bar_ms)
        else:
            standing = standing_resized(account, standing, state.seen, self._stops)
        if is_entry:
            order = order._replace(quantity=0.0, reason=TARGET)
        self._state = state._replace(stop=standing, order=order)

    def _replayed(self, standing: Standing, bar_ms: int) -> Standing:
        """Move the stops of an entry over the bars that have closed since its own began."""
        before = NOTHING_SEEN
        for ts, extremes in self._bars:
            if ts >= bar_ms:
                seen = self._state.seen if self._state else NOTHING_SEEN
                last = before._replace(atr=seen.atr, tightening=seen.tightening)
                standing = standing_at_close(self.account, standing, extremes, last, self._stops)
            before = extremes
        return standing

    def _has_bars_since(self, bar_ms: int) -> bool:
        """Whether every bar is kept that has closed since one began."""
        return not self._bars or self._bars[-1][0] < bar_ms or self._bars[0][0] <= bar_ms

    def _keep_bar(self, ts: int, seen: Seen, since_ms: int | None) -> None:
        """Keep a bar; older than the one before it only those that an order may still have been filled in."""
        first_ms = min(ts, since_ms or ts) - self._step_ms
        kept = [bar for bar in (*self._bars, (ts, seen)) if bar[0] >= first_ms]
        self._bars = kept[-_MOST_BARS:]

    def _in_force(self) -> Standing:
        if self._state is None or self.account.position == 0.0:
            return NOTHING_STANDS
        of = (self.account, self._state, self._stops)
        if not all(one is known for one, known in zip(of, self._moved_of, strict=False)):
            self._moved_of = of
            self._moved = moved(self.account, self._state.stop, self._state.seen, self._stops)
        return self._moved

    def _known_state(self) -> BookState:
        if self._state is None:
            raise BacktestError("the book has no bar yet; expected one before a decision")
        return self._state


def _rehearse(state: BookState, stops: StopTerms) -> None:
    """Compile what a fill calls before the first one comes: its stop must not wait for that."""
    held = apply_fill(state.account, 1.0, 1.0, 0.0)
    standing = standing_at_entry(held, 0, NOTHING_SEEN, stops)
    standing = standing_resized(held, standing, NOTHING_SEEN, stops)
    standing = standing_at_close(held, standing, NOTHING_SEEN, NOTHING_SEEN, stops)
    moved(held, standing, NOTHING_SEEN, stops)
