"""Book of one deployment at a venue, in memory: what was filled, what is ordered, what the last bar was.

Cash and position change by ``accounting`` only; bars are marked by the step of every other driver.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from live_runner.ledger import Ledger
from live_runner.plan import Plan
from quant_pipelines.accounting import Account, apply_fill, apply_funding, equity, open_account
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.backtest.step import BookState, StepBar, opening_state, step_bar
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.store.trading import Fill, Income, Position
from quant_pipelines.trading import BookView

_MARKS = ("target_side", "close", "equity", "day_start_equity")


class VenueBook:
    """Account, last bar, and decimal ledger.

    Parameters
    ----------
    plan
        Whose book.
    stop_fraction
        Distance of the protective stop from the entry price.
    fills, income
        What was booked so far, in any order.
    document
        What ``to_document`` gave at the last bar; None before the first one.
    """

    def __init__(
        self,
        plan: Plan,
        stop_fraction: float,
        fills: Iterable[Fill],
        income: Iterable[Income],
        document: dict[str, Any] | None,
    ) -> None:
        capital = plan.deployment.capital
        self._terms = replace(plan.book_settings, hard_stop=0.0).terms
        self._stop_fraction = stop_fraction
        self._ledger = Ledger(capital, (), ())
        self.account: Account = open_account(float(capital))
        self._state: BookState | None = None
        if document is not None and document["marks"] is not None:
            marks = document["marks"]
            values: dict[str, Any] = {name: float(marks[name]) for name in _MARKS}
            values["day_end_ms"] = int(marks["day_end_ms"])
            self._state = opening_state(self.account, 0)._replace(**values)
        in_order = sorted(fills, key=lambda fill: (fill.ts, len(fill.trade_id), fill.trade_id))
        self.book(in_order, sorted(income, key=lambda row: row.ts))

    @property
    def n_fills(self) -> int:
        """Number of fills."""
        return self._ledger.n_fills

    @property
    def equity(self) -> float:
        """Equity at the last bar's close, quote."""
        return equity(self.account, self._state.close) if self._state else self.account.cash

    @property
    def stop_price(self) -> float | None:
        """Level that the protective stop belongs to, quote per base; None when flat."""
        if self.account.position == 0.0:
            return None
        distance = -self._stop_fraction if self.account.position > 0.0 else self._stop_fraction
        return self.account.entry_price * (1.0 + distance)

    def book(self, fills: Iterable[Fill], income: Iterable[Income]) -> None:
        """Change cash and position."""
        fills, income = list(fills), list(income)
        for fill in fills:
            quantity = float(fill.signed_quantity)
            self.account = apply_fill(self.account, quantity, float(fill.price), float(fill.fee))
        for row in income:
            self.account = apply_funding(self.account, -float(row.amount))
        self._ledger.add(fills, income)

    def position(self) -> Position:
        """Position by the decimals, once it is proven that the floats agree."""
        return self._ledger.position(self.account, self.stop_price)

    def step(self, bar: ExecutionBar) -> None:
        """Mark the book at a closed bar; nothing is filled here."""
        state = self._state or opening_state(self.account, bar.ts)
        held = state._replace(account=self.account, pending=0.0, stop_price=0.0)
        step = StepBar(int(bar.ts), float(bar.open), float(bar.high), float(bar.low), float(bar.close), 0.0)
        self._state = step_bar(held, step, self._terms).state

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
    def day_start_ms(self) -> int:
        """The last 00:00 UTC by the bars, milliseconds."""
        return self._known_state().day_end_ms - DAY_MS

    def view(
        self, ordered: Decimal, orders_today: int, *, volatility: float, data_age_seconds: float
    ) -> BookView:
        """Return what a decision sees.

        ``ordered`` is the signed quantity that may still be filled, ``orders_today`` the number of orders
        that were decided since 00:00 UTC.
        """
        state = self._known_state()
        return BookView(
            self.account.position + float(ordered),
            self.equity,
            state.close,
            state.day_start_equity,
            state.target_side,
            float(volatility),
            float(data_age_seconds),
            float(orders_today),
        )

    def to_document(self) -> dict[str, Any]:
        """Return what can't be had from fills and income, as a JSON document."""
        state = self._state
        if state is None:
            return {"marks": None}
        return {"marks": {name: getattr(state, name) for name in (*_MARKS, "day_end_ms")}}

    def _known_state(self) -> BookState:
        if self._state is None:
            raise BacktestError("the book has no bar yet; expected one before a decision")
        return self._state
