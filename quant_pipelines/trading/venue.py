"""The port to a venue that takes orders, and its values; amounts are decimals as received."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol

from quant_pipelines.core.orders import OrderStatus, Side
from quant_pipelines.trading.certificate import KeyPermissions
from quant_pipelines.trading.execution import Bracket
from quant_pipelines.trading.flatten import ClosingTerms
from quant_pipelines.trading.funds import Balance, IncomeRow
from quant_pipelines.trading.modes import AccountModes
from quant_pipelines.trading.venue_limits import VenueLimits

RECEIVE_WINDOW_MS = 2_000
"""How long after its stamp the venue still takes an order; what wakes later is refused."""


class VenueOrder(NamedTuple):
    """Order at the venue.

    Parameters
    ----------
    client_order_id, venue_order_id
        Our name and the venue's.
    status
        One of our statuses.
    filled_quantity
        Base, unsigned.
    price
        Its limit now, quote per base; 0 for a market order.
    """

    client_order_id: str
    venue_order_id: str
    status: OrderStatus
    filled_quantity: Decimal
    price: Decimal = Decimal(0)


class Touch(NamedTuple):
    """Best prices, quote per base."""

    bid: Decimal
    ask: Decimal

    @property
    def mid(self) -> Decimal:
        """Price in the middle of the two."""
        return (self.bid + self.ask) / 2


class VenueTrade(NamedTuple):
    """Fill at the venue; ``client_order_id`` is empty where only the order's number is told.

    Quantity in base, price in quote per base, fee in quote (positive when paid), time in milliseconds UTC.
    ``realized_pnl`` is what the venue books as profit, quote, before the fee.
    """

    trade_id: str
    venue_order_id: str
    client_order_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    ts_ms: int
    realized_pnl: Decimal


class AccountPosition(NamedTuple):
    """Position of a symbol as the venue says it.

    Parameters
    ----------
    symbol, quantity
        Of what, base, signed.
    is_hedged
        Whether the account keeps long and short apart.
    mark_price, liquidation_price
        Quote per base; None where the venue tells none.
    isolated_margin
        Quote; 0 where the whole account is the margin.
    """

    symbol: str
    quantity: Decimal
    is_hedged: bool = False
    mark_price: Decimal | None = None
    liquidation_price: Decimal | None = None
    isolated_margin: Decimal = Decimal(0)


class VenueStop(NamedTuple):
    """Conditional order; ``child_order_id`` is the order it has sent.

    It closes the whole position, or ``quantity`` of it at most. ``takes_profit``: it is no stop.
    ``is_price_protected``: it waits while last and mark price are far apart, as in a crash.
    """

    client_order_id: str
    venue_order_id: str
    side: Side
    trigger_price: Decimal
    closes_position: bool
    status: OrderStatus
    child_order_id: str = ""
    quantity: Decimal = Decimal(0)
    takes_profit: bool = False
    is_price_protected: bool = False


class OrderUpdate(NamedTuple):
    """What the user's stream said of one order; ``trade`` where it was filled."""

    symbol: str
    order: VenueOrder
    trade: VenueTrade | None


class StopUpdate(NamedTuple):
    """What the user's stream said of one conditional order; it never books a fill."""

    symbol: str
    stop: VenueStop


class Payment(NamedTuple):
    """Income at the venue that no fill tells: funding, or what a liquidation cost besides.

    Milliseconds UTC, quote (positive when received), and ``funding`` or ``insurance``.
    """

    ts_ms: int
    amount: Decimal
    kind: str = "funding"


VenueEvent = OrderUpdate | StopUpdate | None
"""None: the stream was connected again or told of a change that only a sweep can show."""


@dataclass(frozen=True, slots=True)
class MarketOrder:
    """Order to send.

    Parameters
    ----------
    client_order_id, symbol, side, quantity
        What is ordered; base.
    stamp_ms
        The venue's time at which it was committed; the venue refuses it ``RECEIVE_WINDOW_MS`` later.
    reduce_only
        Whether it may only reduce the position.
    limit_price
        Worst price of a fill, quote per base: what can't be had at once is canceled. None takes any.
    """

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    stamp_ms: int
    reduce_only: bool = False
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class LimitOrder:
    """Limit order to place, or what one that works is to become; good until it is canceled.

    ``price`` in quote per base. ``post_only``: the venue refuses or cancels it rather than let it take.
    The rest is as in `MarketOrder`.
    """

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    stamp_ms: int
    post_only: bool = True
    reduce_only: bool = False


@dataclass(frozen=True, slots=True)
class StopOrder:
    """Conditional order to place, for when last price touches the trigger; it goes at market then.

    It closes the whole position; with a ``quantity`` it reduces the position by that, or may open as much
    where it is not ``reduce_only``. A venue takes one stop of the first kind for each side, and any number of
    the others; one that ``takes_profit`` counts apart.
    """

    client_order_id: str
    symbol: str
    side: Side
    trigger_price: Decimal
    stamp_ms: int
    quantity: Decimal | None = None
    takes_profit: bool = False
    reduce_only: bool = True


class OrderVenue(Protocol):
    """Account at a venue.

    Reads raise `ExchangeUnavailable` or `ExchangeRefused`. What sends an order raises `ExchangeUnavailable`
    if it was certainly not accepted now, `ExchangeRefused` if the venue said no, and `OutcomeUnknown` if
    nobody can tell: then it must be looked up, never sent again.
    """

    async def permissions(self) -> KeyPermissions:
        """Tell what the API key may do."""

    async def modes(self) -> AccountModes:
        """Modes that the account is in."""

    async def settings_changed(self) -> None:
        """Return once settings of the account have changed, or an order was refused because of them."""

    async def prepare(self, symbol: str, leverage: int) -> str:
        """Set and verify cross margin and leverage of a symbol; returns what was otherwise, in one clause.

        Raises `ExchangeRefused` if the venue does not take them, or keeps others.
        """

    async def send(self, order: MarketOrder) -> VenueOrder:
        """Send an order that is done at once."""

    async def place_limit(self, order: LimitOrder) -> VenueOrder:
        """Place a limit order.

        Raises `OrderWouldTake`, an `ExchangeRefused`, if it is post-only and its price would trade at once:
        the venue has not taken it, and never will.
        """

    async def amend(self, order: LimitOrder) -> None:
        """Change price and quantity of a post-only order that works; ``find_order`` tells what it is now.

        That there is none (any more), or nothing to change, is fine, and proves nothing: a request may have
        been answered twice. One that would take at its new price, or is filled further, is canceled.
        """

    async def cancel_order(self, symbol: str, client_order_id: str) -> None:
        """Cancel an order; that there is none (any more) is fine, and proves nothing."""

    async def place_stop(self, stop: StopOrder) -> None:
        """Place a stop, protective or of a strategy; ``find_stop`` proves that it stands.

        Raises `StopWouldTrigger` if the price is at the trigger or through it already.
        """

    async def cancel_entries_after(self, symbol: str, milliseconds: int) -> None:
        """Have the venue cancel all orders of a symbol unless this is said again in time; 0 ends that.

        Whether its stops stand then is for the venue's certificate to prove.
        """

    async def cancel_stop(self, symbol: str, client_order_id: str) -> None:
        """Cancel a stop; that there is none (any more) is fine, and proves nothing."""

    async def find_order(
        self, symbol: str, *, client_order_id: str = "", venue_order_id: str = ""
    ) -> VenueOrder | None:
        """Order by either name; None if the venue knows none."""

    async def find_stop(self, symbol: str, client_order_id: str) -> VenueStop | None:
        """Stop by our name; None if the venue knows none."""

    async def open_orders(self, symbol: str) -> list[VenueOrder]:
        """Orders that work at the venue, ours and others'."""

    async def open_stops(self, symbol: str) -> list[VenueStop]:
        """Conditional orders that wait at the venue, ours and others'."""

    async def position(self, symbol: str) -> AccountPosition:
        """Net position; one of zero where nothing is held."""

    async def trades(self, symbol: str, from_id: str | None) -> list[VenueTrade]:
        """Read fills from a trade id on (included), oldest first; without one, none but the newest."""

    async def payments(self, symbol: str, since_ms: int) -> list[Payment]:
        """Funding and costs of liquidations from a time on (included)."""

    async def closing_terms(self, symbol: str) -> ClosingTerms:
        """Tell what the venue takes of an order that closes."""

    async def limits(self, symbols: Iterable[str]) -> list[VenueLimits]:
        """Read what the venue takes of symbols now; what is rounded and cut follows it from then on."""

    async def brackets(self, symbol: str) -> tuple[Bracket, ...]:
        """Read the maintenance brackets of a symbol, lowest first."""

    async def touch(self, symbol: str) -> Touch:
        """Read the best prices now."""

    async def balance(self) -> Balance:
        """Funds of the account, quote."""

    async def income(self, start_ms: int, end_ms: int) -> list[IncomeRow]:
        """Read every change of the wallet in a window, its end excluded, oldest first."""

    async def now_ms(self) -> int:
        """Tell the venue's time, never ahead of its clock."""

    def events(self, symbol: str) -> AsyncIterator[VenueEvent]:
        """Everything that the user's stream says of a symbol, losslessly, for ever."""
