"""Parameters of an order request, checked by the contract's published rules before anything happens."""

import re
from dataclasses import dataclass
from decimal import Decimal

from quant_pipelines.simulator.queries import Query, VenueError
from quant_pipelines.simulator.venue.contract import Contract
from quant_pipelines.simulator.venue.price_match import NO_MATCH, matched_price, price_match_of
from quant_pipelines.simulator.venue.records import BUY, ONE_WAY, SELL, ZERO
from quant_pipelines.simulator.venue.refusals import refusal
from quant_pipelines.simulator.venue.state import Venue

CONDITIONAL_KINDS = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX", "GTD")
SELF_TRADE_PREVENTION = ("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "NONE")
_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_NEAREST_DATE_MS, _LAST_DATE_MS = 600_000, 253_402_300_799_000


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A checked request for a plain order."""

    symbol: str
    side: str
    kind: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    client_id: str
    good_till_ms: int
    price_match: str = NO_MATCH
    self_trades: str = "EXPIRE_MAKER"


def contract_for(venue: Venue, query: Query) -> Contract:
    """Contract named by the mandatory ``symbol``."""
    contract = venue.contracts.get(query.text("symbol"))
    if contract is None:
        raise VenueError(-1121, "Invalid symbol.")
    return contract


def contracts_for(venue: Venue, query: Query) -> list[Contract]:
    """Contract named by the optional ``symbol``, else all."""
    return [contract_for(venue, query)] if query.values.get("symbol") else list(venue.contracts.values())


def order_request(
    venue: Venue, query: Query, *, kinds: tuple[str, ...] = ("LIMIT", "MARKET")
) -> OrderRequest:
    """Check a request for a plain order.

    Raises
    ------
    VenueError
        With the venue's code for the first rule that it breaks.
    """
    contract = contract_for(venue, query)
    side = side_of(query)
    kind = query.text("type")
    if kind in CONDITIONAL_KINDS:
        raise refusal("algo_endpoint")
    if kind not in kinds:
        raise refusal("order_type")
    check_position_side(venue, query)
    self_trades = self_trades_of(query)
    if kind == "MARKET":
        refuse_not_required(query, "price", "timeInForce")
    match = price_match_of(query, kind)
    return OrderRequest(
        symbol=contract.symbol,
        side=side,
        kind=kind,
        time_in_force=time_in_force_of(query) if kind == "LIMIT" else "GTC",
        quantity=quantity_of(query, contract),
        price=limit_price_of(venue, query, match) if kind == "LIMIT" else ZERO,
        reduce_only=flag(query, "reduceOnly"),
        client_id=client_id_of(query, "newClientOrderId"),
        good_till_ms=good_till_of(query, venue.now_ms),
        price_match=match,
        self_trades=self_trades,
    )


def side_of(query: Query) -> str:
    """Return BUY or SELL."""
    side = query.text("side")
    if side not in (BUY, SELL):
        raise refusal("side")
    return side


def check_position_side(venue: Venue, query: Query) -> None:
    """Refuse what does not fit the one-way mode; in hedge mode the simulated venue takes no orders at all."""
    if venue.ledger.account.is_hedged or (query.values.get("positionSide") or ONE_WAY) != ONE_WAY:
        raise refusal("position_side")


def self_trades_of(query: Query) -> str:
    """Return how trades with oneself are prevented; the account's default is ``EXPIRE_MAKER``."""
    mode = query.values.get("selfTradePreventionMode") or "EXPIRE_MAKER"
    if mode not in SELF_TRADE_PREVENTION:
        raise refusal("self_trades")
    return mode


def good_till_of(query: Query, now_ms: int) -> int:
    """When an order of time in force ``GTD`` expires, milliseconds UTC; 0 for every other."""
    if query.values.get("timeInForce") != "GTD":
        return 0
    date_ms = query.integer("goodTillDate", 0)
    if not now_ms + _NEAREST_DATE_MS < date_ms < _LAST_DATE_MS:
        raise refusal("good_till_date")
    return date_ms


def time_in_force_of(query: Query, default: str = "") -> str:
    """Time in force; mandatory without a default. ``GTD`` needs its date."""
    value = query.values.get("timeInForce") or default or query.text("timeInForce")
    if value not in TIMES_IN_FORCE:
        raise refusal("time_in_force")
    if value == "GTD":
        query.text("goodTillDate")
    return value


def flag(query: Query, name: str) -> bool:
    """Return an optional ``true`` or ``false``."""
    value = (query.values.get(name) or "false").lower()
    if value not in ("true", "false"):
        raise refusal("parameter", name)
    return value == "true"


def decimal_of(query: Query, name: str) -> Decimal:
    """Mandatory number."""
    text = query.text(name)
    if not _DECIMAL.fullmatch(text.removeprefix("-")):
        raise VenueError(
            -1100,
            f"Illegal characters found in parameter '{name}'; legal range is '^{_DECIMAL.pattern}$'.",
        )
    value = Decimal(text)
    if value < 0:
        raise refusal("price_negative" if name != "quantity" else "quantity_zero")
    return value


def quantity_of(query: Query, contract: Contract) -> Decimal:
    """Order quantity within the contract's steps and bounds."""
    quantity = decimal_of(query, "quantity")
    if quantity <= 0:
        raise refusal("quantity_zero")
    if _digits(quantity) > contract.quantity_decimals:
        raise refusal("precision")
    if quantity < contract.least_quantity:
        raise refusal("quantity_small")
    if quantity > contract.most_quantity:
        raise refusal("quantity_large")
    if quantity % contract.lot_size:
        raise refusal("lot")
    return quantity


def price_of(query: Query, name: str, contract: Contract) -> Decimal:
    """Price within the contract's steps."""
    price = decimal_of(query, name)
    if price <= 0:
        raise refusal("price_negative")
    if _digits(price) > contract.price_precision:
        raise refusal("precision")
    if price % contract.tick_size:
        raise refusal("tick")
    return price


def limit_price_of(venue: Venue, query: Query, match: str) -> Decimal:
    """Limit price of a request, or of the rank of the book that it names instead."""
    contract = contract_for(venue, query)
    if match == NO_MATCH:
        return price_of(query, "price", contract)
    return matched_price(venue, contract.symbol, side_of(query), match)


def refuse_not_required(query: Query, *names: str) -> None:
    """Refuse parameters that an order of this type does not have."""
    for name in names:
        if query.values.get(name):
            raise refusal("not_required", name)


def client_id_of(query: Query, name: str) -> str:
    """Client order id; empty when none was sent."""
    value = query.values.get(name) or ""
    if value and not _CLIENT_ID.fullmatch(value):
        raise refusal("client_id")
    return value


def _digits(value: Decimal) -> int:
    return max(0, -int(value.normalize().as_tuple().exponent))
