"""The paper broker: fills come from closed bars, by the step that backtests use."""

from typing import Any

from sqlalchemy import Engine

from live_runner.broker import Opened, Stepped
from live_runner.decision import Decided
from live_runner.ledger import Ledger
from live_runner.plan import Plan
from live_runner.recovery import Recovered, recover
from live_runner.rows import VENUE, fill_row, finished_order, income_row
from quant_pipelines.accounting import Account
from quant_pipelines.backtest import BookedFill, ExecutionBar, FundingPayment
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.trading import (
    Fill,
    Income,
    OrderState,
    Position,
    StoredBook,
    change_order,
    read_book,
)
from quant_pipelines.trading import BookView


def open_paper(engine: Engine, plan: Plan, epoch: int) -> Opened:
    """Open the paper broker of a deployment where its rows end.

    Raises
    ------
    StoreError
        If the database does not answer.
    ReconciliationError
        If the rows contradict each other.
    """
    stored = read_book(engine, plan.deployment.id)
    recovered = recover(plan.paper_settings, stored)
    broker = PaperBroker(engine, plan, epoch, recovered=recovered, stored=stored)
    broker.position()
    return Opened(broker, recovered.booked_until_ms, recovered.decided_ms)


class PaperBroker:
    """Book of paper money with its decimal ledger."""

    venue = VENUE
    waits_for = ""
    closes_with_bars = True

    def __init__(
        self, engine: Engine, plan: Plan, epoch: int, *, recovered: Recovered, stored: StoredBook
    ) -> None:
        self._engine = engine
        self._deployment = plan.deployment
        self._epoch = epoch
        self._book = recovered.book
        self._order = recovered.order
        self._ledger = Ledger(plan.deployment.capital, stored.fills, stored.income)

    @property
    def account(self) -> Account:
        """Cash and position."""
        return self._book.account

    @property
    def equity(self) -> float:
        """Equity at the last bar's close, quote."""
        return self._book.equity

    @property
    def stop_tightening(self) -> float:
        """Factor of the equity's slope on the distances of stops."""
        return self._book.stop_tightening

    @property
    def n_fills(self) -> int:
        """Number of fills."""
        return self._ledger.n_fills

    def step(self, bar: ExecutionBar) -> Stepped:
        """Drive the book over a closed bar, which ends the order that was pending."""
        order, fills, income = self._order, list[Fill](), list[Income]()
        for event in self._book.step(bar):
            if isinstance(event, BookedFill):
                fills.append(fill_row(self._deployment.id, event, order))
            elif isinstance(event, FundingPayment):
                income.append(income_row(event))
        self._order = None
        self._ledger.add(fills, income)
        orders = () if order is None else (finished_order(order, fills),)
        return Stepped(tuple(fills), tuple(income), orders)

    def position(self) -> Position:
        """Position by the decimals, once it is proven that the floats agree."""
        return self._ledger.position(self._book.account, self._book.stop_price)

    def view(self, *, volatility: float, data_age_seconds: float) -> BookView:
        """Return what a decision sees."""
        return self._book.view(volatility=volatility, data_age_seconds=data_age_seconds)

    def checkpoint(self) -> dict[str, Any]:
        """State as a JSON document."""
        return self._book.to_document()

    def take(self, decided: Decided, now_ms: int) -> None:
        """Submit the order to the book, where the next bar fills it."""
        side, inputs = decided.target_side, decided.stop_inputs
        self._book.submit(decided.order_quantity, target_side=side, inputs=inputs)
        if decided.intent is not None:
            self._order = decided.intent
            state = OrderState(decided.intent.client_order_id, "SUBMITTED")
            change_order(self._engine, self._epoch, state, from_ms(now_ms))
