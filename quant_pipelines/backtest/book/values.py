"""What goes into a book and what comes out: bars with their funding, fills, payments, ended orders."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from quant_pipelines.backtest.bar.state import StepBar, StepTerms
from quant_pipelines.backtest.bar.stops import NO_STOPS, StopTerms
from quant_pipelines.backtest.market.settings import step_terms_of
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.core.timeframes import timeframe_ms
from quant_pipelines.trading.rules import TradingRules
from quant_pipelines.trading.specifications import ALWAYS_THE_SAME, SpecificationHistory


class FundingSlot(NamedTuple):
    """Funding of one slot.

    Parameters
    ----------
    ts
        Milliseconds UTC.
    rate
        Fraction of notional that longs pay.
    mark_price
        Quote per base; None if unknown.
    last_price
        Close of the finest bar that ends at the slot, which stands in for it; None if unknown.
    """

    ts: int
    rate: float
    mark_price: float | None = None
    last_price: float | None = None


class OpenPrices(NamedTuple):
    """What stands in for unknown prices of slots at a bar: the close before it, its time, and the open."""

    close_ts: int
    close: float
    open: float


class MarkBar(NamedTuple):
    """Mark prices of an execution bar, quote per base; 0 is not known.

    Examples
    --------
    >>> from quant_pipelines.backtest import ExecutionBar, MarkBar
    >>> bar = ExecutionBar(0, 100.0, 101.0, 99.0, 100.0, mark=MarkBar(open=100.1, high=100.4, low=99.8))
    >>> bar.mark.low, MarkBar(open=100.1).low  # 0 is not known: the last price stands in
    (99.8, 0.0)
    """

    open: float
    high: float = 0.0
    low: float = 0.0


class ExecutionBar(NamedTuple):
    """Closed execution bar with the funding slots since the close of the bar before, up to its own.

    ``mark`` is None where nothing is known of it; ``ladder`` is the order book as it was known at the open,
    see ``core.depth``, or None.

    Examples
    --------
    >>> from quant_pipelines.backtest import Book, BookSettings, ExecutionBar
    >>> from quant_pipelines.trading.rules import TradingRules
    >>> bar = ExecutionBar(ts=0, open=100.0, high=102.0, low=99.0, close=101.0)
    >>> bar.volume, bar.funding, bar.mark  # volume, payments and mark price may be unknown
    (0.0, (), None)
    >>> Book(BookSettings(10_000.0, TradingRules())).step(bar)  # nothing is held, nothing happens
    []
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
    order
        Number of the resting order that was filled; 0 for the pending market order and the position's stops.
    leaves
        What is left of that order, base, signed.

    Examples
    --------
    >>> from quant_pipelines.backtest import BookedFill
    >>> fill = BookedFill(number=1, ts=60_000, quantity=-2.0, price=101.0, fee=0.101, reason="hard_stop")
    >>> -fill.quantity * fill.price - fill.fee  # quote that a sale brings
    201.899
    """

    number: int
    ts: int
    quantity: float
    price: float
    fee: float
    reason: str
    order: int = 0
    leaves: float = 0.0


@dataclass(frozen=True, slots=True)
class FundingPayment:
    """Funding booked at a bar's open or inside of it; ``amount`` in quote is positive when received.

    Examples
    --------
    >>> from quant_pipelines.backtest import Book, BookSettings, ExecutionBar
    >>> from quant_pipelines.backtest.book.values import FundingSlot
    >>> from quant_pipelines.trading.rules import TradingRules
    >>> book = Book(BookSettings(10_000.0, TradingRules()))
    >>> _ = book.step(ExecutionBar(0, 100.0, 100.0, 100.0, 100.0))
    >>> book.submit(2.0)
    >>> _ = book.step(ExecutionBar(60_000, 100.0, 100.0, 100.0, 100.0))
    >>> slot = FundingSlot(ts=120_000, rate=0.001, mark_price=101.0)
    >>> book.step(ExecutionBar(120_000, 100.0, 100.0, 100.0, 100.0, funding=(slot,)))  # a long pays
    [FundingPayment(ts=120000, amount=-0.202)]
    """

    ts: int
    amount: float


@dataclass(frozen=True, slots=True)
class OrderEnded:
    """Resting order that ended in a bar without being filled: ``CANCELED`` or ``EXPIRED``, and why.

    Examples
    --------
    >>> from quant_pipelines.backtest import OrderEnded
    >>> event = OrderEnded(ts=60_000, order=3, status="EXPIRED", leaves=-0.5, reason="expired")
    >>> event.status, event.leaves  # half a unit was still to be sold
    ('EXPIRED', -0.5)
    """

    ts: int
    order: int
    status: OrderStatus
    leaves: float
    reason: str


class Part(NamedTuple):
    """What a book in an account is sized on: its share of the value, and of the day's baseline; quote."""

    equity: float
    day_start_equity: float


BookEvent: TypeAlias = BookedFill | FundingPayment | OrderEnded


class Stretch(NamedTuple):
    """What a book did on a strip: events of the last bar that it booked, and the bar behind it."""

    events: list[BookEvent]
    until: int


def payments(funding: float, ts: int) -> list[BookEvent]:
    """Tell what was paid at a time; nothing for no funding. ``funding`` is positive when the book pays."""
    return [FundingPayment(ts, -funding)] if funding != 0.0 else []


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

    Examples
    --------
    >>> from quant_pipelines.backtest import BookSettings
    >>> from quant_pipelines.core.settings import CostSettings
    >>> from quant_pipelines.trading.rules import TradingRules
    >>> settings = BookSettings(10_000.0, TradingRules(costs=CostSettings(fee_bps=4.0)), hard_stop=0.05)
    >>> settings.timeframe, settings.rules.costs.fee_bps
    ('1m', 4.0)
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


def step_bar_of(bar: ExecutionBar, opened: OpenPrices) -> StepBar:
    """Bar as the step takes it, with its funding per unit at the open and inside of it."""
    mark = bar.mark or MarkBar(0.0)
    at_open = [slot for slot in bar.funding if slot.ts <= bar.ts]
    return StepBar(
        int(bar.ts),
        float(bar.open),
        float(bar.high),
        float(bar.low),
        float(bar.close),
        float(funding_per_unit(at_open, opened)),
        float(bar.volume),
        float(mark.open),
        float(mark.high),
        float(mark.low),
        bar.ladder,
        float(funding_per_unit(bar.funding[len(at_open) :], opened)),
    )


def funding_per_unit(slots: Iterable[FundingSlot], opened: OpenPrices) -> float:
    """Sum of rate x price over the slots; see ``market.funding`` for what stands in for a mark price."""
    total = 0.0
    for slot in slots:
        total += slot.rate * _price_of(slot, opened)
    return total


def _price_of(slot: FundingSlot, opened: OpenPrices) -> float:
    """Mark price, else the last one that ended at the slot, else the bar's open."""
    own = slot.last_price if slot.mark_price is None else slot.mark_price
    if own is not None:
        return own
    return opened.close if opened.close_ts == slot.ts else opened.open
