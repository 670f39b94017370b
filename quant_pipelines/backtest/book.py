"""Book: the paper broker, and the driver of the event backtest; bars in, fills out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from quant_pipelines.accounting.account import Account, open_account
from quant_pipelines.backtest.step import (
    BookState,
    StepBar,
    StepFill,
    StepOutcome,
    StepTerms,
    opening_state,
    step_bar,
    with_order,
)
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.timeframes import timeframe_ms
from quant_pipelines.trading.cycle import BookView, Decision
from quant_pipelines.trading.rules import TradingRules


class FundingSlot(NamedTuple):
    """Funding of one slot: time in milliseconds, rate as a fraction, mark price or None if unknown."""

    ts: int
    rate: float
    mark_price: float | None = None


class ExecutionBar(NamedTuple):
    """Closed execution bar with the funding slots since the bar before, up to its open."""

    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0
    funding: tuple[FundingSlot, ...] = ()


@dataclass(frozen=True, slots=True)
class BookedFill:
    """Fill of the paper broker.

    Parameters
    ----------
    number
        1, 2, 3 … over the life of the book; unique, so that it is booked once.
    ts
        Open time of the bar in which it happened, milliseconds UTC.
    quantity
        Base, signed: positive buys.
    price, fee
        Quote per base, slippage included; quote, positive when paid.
    reason
        ``hard_stop``, or the purpose of the order that was filled, such as ``target``.
    """

    number: int
    ts: int
    quantity: float
    price: float
    fee: float
    reason: str


@dataclass(frozen=True, slots=True)
class FundingPayment:
    """Funding booked at a bar's open; ``amount`` in quote is positive when received."""

    ts: int
    amount: float


BookEvent: TypeAlias = BookedFill | FundingPayment


@dataclass(frozen=True, slots=True)
class BookSettings:
    """What a book needs to know for good.

    Parameters
    ----------
    capital
        Quote, at the start.
    rules
        Costs, sizing, limits and steps.
    hard_stop
        Distance of the stop as a fraction of the entry price; 0 is none.
    timeframe
        Execution timeframe.
    """

    capital: float
    rules: TradingRules
    hard_stop: float = 0.0
    timeframe: str = "1m"

    @property
    def terms(self) -> StepTerms:
        """The same for compiled code."""
        trading = self.rules.terms
        return StepTerms(trading.costs, float(self.hard_stop), trading.lot_size, timeframe_ms(self.timeframe))


class Book:
    """One book of paper money: cash, position, one pending market order, one hard stop.

    It books bars through the same step as the batch backtest, to the last bit. Restored from its document
    it goes on as if nothing had happened.

    Parameters
    ----------
    settings
        Capital, rules, stop and execution timeframe.
    """

    def __init__(self, settings: BookSettings) -> None:
        self.settings = settings
        self._terms = settings.terms
        self._state: BookState | None = None
        self._last_ts = -1
        self._fills = 0
        self._purpose = "target"

    @property
    def account(self) -> Account:
        """Cash and position after the last bar."""
        return self._state.account if self._state else open_account(self.settings.capital)

    @property
    def state(self) -> BookState | None:
        """State after the last bar, or None before the first one."""
        return self._state

    @property
    def last_ts(self) -> int:
        """Open time of the last bar that was booked, milliseconds UTC; -1 before the first one."""
        return self._last_ts

    @property
    def equity(self) -> float:
        """Equity at the last bar's close, quote."""
        return self._state.equity if self._state else self.settings.capital

    @property
    def stop_price(self) -> float | None:
        """Level of the hard stop, or None."""
        return self._state.stop_price if self._state and self._state.stop_price else None

    @property
    def pending(self) -> float:
        """Signed base quantity that fills at the next open."""
        return self._state.pending if self._state else 0.0

    def step(self, bar: ExecutionBar) -> list[BookEvent]:
        """Book one closed bar and return what happened, in order.

        Raises
        ------
        BacktestError
            If the bar is not after the last one.
        """
        if bar.ts <= self._last_ts:
            raise BacktestError(f"bar is at {bar.ts}; expected one after {self._last_ts}")
        state = self._state or opening_state(open_account(self.settings.capital), bar.ts)
        last_close = state.close if state.close > 0.0 else bar.open
        step = StepBar(
            int(bar.ts),
            float(bar.open),
            float(bar.high),
            float(bar.low),
            float(bar.close),
            float(funding_per_unit(bar.funding, last_close)),
        )
        outcome: StepOutcome = step_bar(state, step, self._terms)
        self._state, self._last_ts = outcome.state, int(bar.ts)
        events: list[BookEvent] = []
        if outcome.funding_paid != 0.0:
            events.append(FundingPayment(self._last_ts, -outcome.funding_paid))
        for fill, reason in (
            (outcome.gap_stop, "hard_stop"),
            (outcome.closing, self._purpose),
            (outcome.opening, self._purpose),
            (outcome.stop, "hard_stop"),
        ):
            if fill.quantity != 0.0:
                events.append(self._booked(fill, reason))
        return events

    def view(self, *, volatility: float = 0.0, data_age_seconds: float = 0.0) -> BookView:
        """Return what a decision sees at the last bar's close; pending quantity counts as held.

        Raises
        ------
        BacktestError
            If no bar has been booked yet.
        """
        state = self._known_state()
        return BookView(
            state.account.position + state.pending,
            state.equity,
            state.close,
            state.day_start_equity,
            state.target_side,
            float(volatility),
            float(data_age_seconds),
        )

    def apply(self, decision: Decision, *, purpose: str = "target") -> None:
        """Take over a decision: its order, if there is one, and the side that counts as acted upon."""
        self.submit(decision.order_quantity, purpose=purpose, target_side=decision.target_side)

    def submit(self, quantity: float, *, purpose: str = "target", target_side: float | None = None) -> None:
        """Submit a market order for the next open; it adds to what is pending.

        Parameters
        ----------
        quantity
            Signed base quantity; 0 submits nothing.
        purpose
            Reason that the fills will carry: ``target`` or ``flatten``.
        target_side
            Side that counts as acted upon; unchanged if None.
        """
        state = self._known_state()
        side = state.target_side if target_side is None else float(target_side)
        self._state = with_order(state, float(quantity), side)
        if quantity != 0.0:
            self._purpose = purpose

    def to_document(self) -> dict[str, Any]:
        """State as a JSON document; floats keep their last digit."""
        state = self._state
        return {
            "last_ts": self._last_ts,
            "fills": self._fills,
            "purpose": self._purpose,
            "state": {**state._asdict(), "account": state.account._asdict()} if state else None,
        }

    @classmethod
    def from_document(cls, settings: BookSettings, document: dict[str, Any]) -> "Book":
        """Book of a document that ``to_document`` made."""
        book = cls(settings)
        book._last_ts = int(document["last_ts"])
        book._fills = int(document["fills"])
        book._purpose = str(document["purpose"])
        stored = document["state"]
        if stored is not None:
            account = Account(**{name: float(value) for name, value in stored["account"].items()})
            numbers = {
                name: float(value) for name, value in stored.items() if name not in ("account", "day_end_ms")
            }
            book._state = BookState(account=account, day_end_ms=int(stored["day_end_ms"]), **numbers)
        return book

    def _known_state(self) -> BookState:
        if self._state is None:
            raise BacktestError("the book has no bar yet; expected a step before an order or a decision")
        return self._state

    def _booked(self, fill: StepFill, reason: str) -> BookedFill:
        self._fills += 1
        return BookedFill(self._fills, self._last_ts, fill.quantity, fill.price, fill.fee, reason)


def funding_per_unit(slots: Iterable[FundingSlot], last_close: float) -> float:
    """Sum of rate x mark price over the slots; the last close stands in for an unknown mark price."""
    total = 0.0
    for slot in slots:
        total += slot.rate * (last_close if slot.mark_price is None else slot.mark_price)
    return total
