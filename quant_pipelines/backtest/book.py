"""Book: the paper broker, and the driver of the event backtest; bars in, fills out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from quant_pipelines.accounting.account import Account, open_account
from quant_pipelines.backtest.book_document import state_document, state_from_document
from quant_pipelines.backtest.settings import step_terms_of
from quant_pipelines.backtest.state import (
    BookState,
    StepBar,
    StepFill,
    StepOutcome,
    StepTerms,
    opening_state,
    with_inputs,
    with_order,
)
from quant_pipelines.backtest.step import step_bar
from quant_pipelines.backtest.stops import (
    EXIT_REASONS,
    NO_STOPS,
    TARGET,
    Level,
    StopInputs,
    StopTerms,
    moved_level,
)
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.timeframes import timeframe_ms
from quant_pipelines.trading.cycle import BookView, Decision
from quant_pipelines.trading.rules import TradingRules
from quant_pipelines.trading.specifications import ALWAYS_THE_SAME, SpecificationHistory


class FundingSlot(NamedTuple):
    """Funding of one slot: time in milliseconds, rate as a fraction, mark price or None if unknown."""

    ts: int
    rate: float
    mark_price: float | None = None


class MarkBar(NamedTuple):
    """Mark prices of an execution bar, quote per base; 0 is not known."""

    open: float
    high: float = 0.0
    low: float = 0.0


class ExecutionBar(NamedTuple):
    """Closed execution bar with the funding slots since the bar before, up to its open.

    ``mark`` is None where nothing is known of it; ``ladder`` is the order book as it was known at the open,
    see ``core.depth``, or None.
    """

    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0
    funding: tuple[FundingSlot, ...] = ()
    mark: MarkBar | None = None
    ladder: FloatArray | None = None


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
        Which stop closed, or the purpose of the order that was filled, such as ``target``.
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
    stops
        The other stops; the hard one stands in ``hard_stop``.
    specifications
        Lots, fees and brackets as of a date, in the place of the rules' own.
    """

    capital: float
    rules: TradingRules
    hard_stop: float = 0.0
    timeframe: str = "1m"
    stops: StopTerms = NO_STOPS
    specifications: SpecificationHistory = ALWAYS_THE_SAME

    @property
    def terms(self) -> StepTerms:
        """The same for compiled code, under the rules' own specification."""
        return self._terms_of(self.rules)

    @property
    def dated_terms(self) -> tuple[StepTerms, ...]:
        """The same under each of the specifications."""
        return tuple(self._terms_of(rules) for rules in self.specifications.all_rules(self.rules))

    def _terms_of(self, rules: TradingRules) -> StepTerms:
        stops = self.stops._replace(hard=float(self.hard_stop))
        return step_terms_of(rules, stops, timeframe_ms(self.timeframe))


class Book:
    """One book of paper money: cash, position, one pending market order, the stops of the position.

    It books bars through the same step as the batch backtest, to the last bit. Restored from its document
    it goes on as if nothing had happened.

    Parameters
    ----------
    settings
        Capital, rules, stop and execution timeframe.
    """

    def __init__(self, settings: BookSettings) -> None:
        self.settings = settings
        self._dated_terms = settings.dated_terms
        self._state: BookState | None = None
        self._last_ts = -1
        self._fills = 0
        self._purpose = "target"

    @property
    def terms(self) -> StepTerms:
        """Terms in force in the last bar."""
        return self._dated_terms[self.settings.specifications.span_at(self._last_ts)]

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
        """Level of the stop that is in force in the next bar, or None."""
        if self._state is None or self._state.account.position == 0.0:
            return None
        state, level = self._state, Level(self._state.stop_price, self._state.guard.reason)
        level = moved_level(state.account, level, state.guard, state.seen.atr, self.terms.stops)
        return float(level.price) or None

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
        mark = bar.mark or MarkBar(0.0)
        step = StepBar(
            int(bar.ts),
            float(bar.open),
            float(bar.high),
            float(bar.low),
            float(bar.close),
            float(funding_per_unit(bar.funding, last_close)),
            float(bar.volume),
            float(mark.open),
            float(mark.high),
            float(mark.low),
            bar.ladder,
        )
        self._last_ts = int(bar.ts)
        outcome: StepOutcome = step_bar(state, step, self.terms)
        self._state = outcome.state
        events: list[BookEvent] = []
        if outcome.funding_paid != 0.0:
            events.append(FundingPayment(self._last_ts, -outcome.funding_paid))
        is_own = outcome.closing_reason == TARGET
        for fill, reason in (
            (outcome.gap_stop, EXIT_REASONS[outcome.gap_reason]),
            (outcome.closing, self._purpose if is_own else EXIT_REASONS[outcome.closing_reason]),
            (outcome.opening, self._purpose),
            (outcome.stop, EXIT_REASONS[outcome.stop_reason]),
            (outcome.goal, "take_profit"),
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

    def apply(self, decision: Decision, *, purpose: str = "target", inputs: StopInputs | None = None) -> None:
        """Take over a decision: its order, if there is one, and the side that counts as acted upon."""
        side = decision.target_side
        self.submit(decision.order_quantity, purpose=purpose, target_side=side, inputs=inputs)

    def submit(
        self,
        quantity: float,
        *,
        purpose: str = "target",
        target_side: float | None = None,
        inputs: StopInputs | None = None,
    ) -> None:
        """Submit a market order for the next open; it adds to what is pending.

        Parameters
        ----------
        quantity
            Signed base quantity; 0 submits nothing.
        purpose
            Reason that the fills will carry: ``target`` or ``flatten``.
        target_side
            Side that counts as acted upon; unchanged if None.
        inputs
            What the stops read at the bar that was decided on; unchanged if None.
        """
        state = self._known_state()
        side = state.target_side if target_side is None else float(target_side)
        if inputs is not None:
            state = with_inputs(state, StopInputs(float(inputs.atr), float(inputs.deviation)))
        self._state = with_order(state, float(quantity), side, self.terms.fills.latency_bars)
        if quantity != 0.0:
            self._purpose = purpose

    def to_document(self) -> dict[str, Any]:
        """State as a JSON document; floats keep their last digit."""
        state = self._state
        return {
            "last_ts": self._last_ts,
            "fills": self._fills,
            "purpose": self._purpose,
            "state": state_document(state) if state else None,
        }

    @classmethod
    def from_document(cls, settings: BookSettings, document: dict[str, Any]) -> "Book":
        """Book of a document that ``to_document`` made."""
        book = cls(settings)
        book._last_ts = int(document["last_ts"])
        book._fills = int(document["fills"])
        book._purpose = str(document["purpose"])
        if document["state"] is not None:
            book._state = state_from_document(document["state"])
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
