"""A day of one deployment as the runner wrote it down."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeAlias

from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.trading import BookView
from quant_pipelines.trading.rules import TradingRules

TradeKind: TypeAlias = Literal["target", "order", "stop", "liquidation", "manual", "flatten"]
"""What made a fill: a target, an order of an event strategy, a stop, the venue, a person, or the runner since
nothing protected the position."""
ZERO = Decimal(0)


def exact(value: float) -> Decimal:
    """Shortest decimal that is this float again.

    Examples
    --------
    >>> from quant_pipelines.parity.journal import exact
    >>> exact(0.1)
    Decimal('0.1')
    """
    return Decimal(repr(float(value)))


class SeenBar(NamedTuple):
    """Execution bar as the runner had it, the equity there (quote), and when it was booked (ms UTC)."""

    bar: ExecutionBar
    equity: float
    booked_ms: int


class JournaledOrder(NamedTuple):
    """Order that an event strategy placed: its kind, base signed, and quote per base (0 at market)."""

    kind: str
    quantity: float
    price: float


class FeeRates(NamedTuple):
    """Lowest and highest fee, fractions of notional."""

    lowest: Decimal
    highest: Decimal


class JournaledDecision(NamedTuple):
    """One row of ``trading.signals``.

    Parameters
    ----------
    close_ms
        Close that was decided on, milliseconds UTC.
    target
        As the strategy gave it.
    view, rules
        What the decision saw, and what was in force; a view of None is of a decision that saw none.
    order_quantity, target_side
        What was decided, base, signed.
    denied_by
        Rule that denied, or None.
    is_leaving
        Whether it was closed whatever the strategy wanted.
    late_seconds
        By how much it was taken later than its bar was booked.
    orders
        What an event strategy placed: kind, quantity and price of each.
    withheld
        Equity that was to leave the book, and was not sized on; quote.
    """

    close_ms: int
    target: float
    view: BookView | None
    rules: TradingRules
    order_quantity: float
    target_side: float
    denied_by: str | None = None
    is_leaving: bool = False
    late_seconds: float = 0.0
    orders: tuple[JournaledOrder, ...] = ()
    withheld: float = 0.0


class DayFill(NamedTuple):
    """One fill, of the runner or of the replay.

    Parameters
    ----------
    ts_ms
        Bar or trade that filled it, milliseconds UTC.
    kind, number
        What made it; ``number`` is that of an event strategy's order, else 0.
    decided_ms
        Close that its order was decided on; 0 where none was.
    quantity, price, fee
        Base, signed; quote per base; quote, positive when paid.
    arrival
        Last price when its order was sent, or the trigger of its stop; None where it is not known.
    is_internal
        Whether two books made it with each other.
    """

    ts_ms: int
    kind: TradeKind
    decided_ms: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    arrival: Decimal | None = None
    is_internal: bool = False
    number: int = 0


class DayPayment(NamedTuple):
    """Cash that came (positive) or went without a fill, quote: funding, insurance, or capital (transfer)."""

    ts_ms: int
    kind: str
    amount: Decimal


class BookOpening(NamedTuple):
    """State that a book began the day with: close of its last bar, its document, and what it decided last."""

    close_ms: int
    state: Mapping[str, Any]
    decided_ms: int = 0


class HaltSpan(NamedTuple):
    """Times in ``[start_ms, end_ms)`` in which something stood, and what."""

    start_ms: int
    end_ms: int
    reason: str = ""


class Facts(NamedTuple):
    """What bounds the causes of a day.

    Parameters
    ----------
    step_ms
        Length of an execution bar.
    tick_size, lot_size
        Steps of the instrument; 0 is not known.
    fee_rates
        Lowest and highest fee, fractions of notional.
    price_margin
        Fraction of price by which a fill may lie outside of its bar: declared slippage.
    is_paper
        Whether the runner's fills come from bars too, so that none may differ by price, fee or lot.
    halts
        When its breaker stood, or the account's.
    ended
        What orders left open that ended unfilled, base, by the close that they were decided on.
    waited
        Closes of the decisions whose orders rested or came out in parts, milliseconds UTC.
    specified, switched
        When another specification or tier, or other parameters came into force, milliseconds UTC.
    most_fee_change
        Largest change of a fee rate that came with a specification, fraction.
    n_books
        How many books shared its place at the venue.
    """

    step_ms: int = 60_000
    tick_size: Decimal = ZERO
    lot_size: Decimal = ZERO
    fee_rates: FeeRates = FeeRates(ZERO, ZERO)
    price_margin: Decimal = ZERO
    is_paper: bool = False
    halts: tuple[HaltSpan, ...] = ()
    ended: Mapping[int, Decimal] = {}
    waited: frozenset[int] = frozenset()
    specified: tuple[int, ...] = ()
    switched: tuple[int, ...] = ()
    most_fee_change: Decimal = ZERO
    n_books: int = 1


class DayJournal(NamedTuple):
    """All that is known of one deployment's day.

    Parameters
    ----------
    start_ms, end_ms
        The UTC day.
    opening
        None where the book began within the day.
    bars
        Seen execution bars since the opening, oldest first.
    decisions, trades, payments
        Of the same time.
    facts
        What bounds the causes.
    intended
        Signed quantities of the orders that followed a target, by the close that they were decided on.
    """

    start_ms: int
    end_ms: int
    opening: BookOpening | None
    bars: tuple[SeenBar, ...]
    decisions: tuple[JournaledDecision, ...]
    trades: tuple[DayFill, ...]
    payments: tuple[DayPayment, ...]
    facts: Facts
    intended: Mapping[int, float] = {}

    @property
    def begins_ms(self) -> int:
        """Close before the first bar that is replayed, milliseconds UTC."""
        if self.opening is not None:
            return self.opening.close_ms
        return self.bars[0].bar.ts if self.bars else self.start_ms
