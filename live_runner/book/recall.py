"""What an account must know of a deployment's last hours after a restart: a pure function of its rows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from live_runner.book.recovery import signed_quantity
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.risk.account_view import REPEATED_MS, AccountOrder
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.trading import Fill, Intent
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.orders import OPEN
from quant_pipelines.trading.purposes import ENTRIES, REMAINDER, TARGET, is_decided, number_of


class Recalled(NamedTuple):
    """Orders of one deployment that count yet, and its fills.

    Parameters
    ----------
    deployment_id
        Whose.
    sent, executed
        Orders that its strategy decided on within an hour, oldest first, without those that only reduce, but
        with the parts of them that followed, and those that were filled of what it decided on.
    refused_ms
        When the venue refused one of them, milliseconds UTC.
    fills_ms
        Times of all its fills.
    working
        Orders that its strategy decided on, however long ago, and that may be filled for the first time yet.
    """

    deployment_id: int
    sent: tuple[AccountOrder, ...] = ()
    executed: tuple[AccountOrder, ...] = ()
    refused_ms: tuple[int, ...] = ()
    fills_ms: tuple[int, ...] = ()
    working: tuple[AccountOrder, ...] = ()


def recalled(
    deployment: Deployment, orders: Iterable[PlacedOrder], fills: Iterable[Fill], now_ms: int
) -> Recalled:
    """Read what counts yet from the rows of a deployment."""
    orders = list(orders)
    asked = partial(_decided, deployment, _ordered(orders))
    decided = [one for one in orders if is_decided(one.intent.purpose) and not one.intent.reduce_only]
    recent = [one for one in decided if now_ms - REPEATED_MS < to_ms(one.intent.bar_close)]
    recent.sort(key=lambda one: one.intent.bar_close)
    filled = [one for one in recent if one.progress.filled_quantity]
    works = [one for one in decided if one.progress.status in OPEN and not one.progress.filled_quantity]
    refused = [to_ms(one.stamp) for one in recent if one.progress.status == "REJECTED"]
    parts = [one for one in _parts(deployment, orders) if now_ms - REPEATED_MS < one.at_ms]
    return Recalled(
        deployment.id,
        tuple(sorted([*map(asked, recent), *parts], key=lambda one: one.at_ms)),
        tuple(map(asked, filled)),
        tuple(sorted(refused)),
        tuple(to_ms(fill.ts) for fill in fills),
        tuple(map(asked, works)),
    )


def _ordered(orders: Iterable[PlacedOrder]) -> Mapping[str, Decimal]:
    """All that was ordered of each target: what its orders have filled, and may yet."""
    found, first = dict[str, Decimal](), ""
    for one in orders:
        first = one.intent.client_order_id if one.intent.purpose == TARGET else first
        if one.intent.purpose in ENTRIES:
            is_open = one.progress.status in OPEN
            counts = one.intent.quantity if is_open else one.progress.filled_quantity
            found[first] = found.get(first, Decimal(0)) + counts
    return found


def _decided(deployment: Deployment, ordered: Mapping[str, Decimal], order: PlacedOrder) -> AccountOrder:
    """Order as the account was asked for it: as all of it where it was the first part of more."""
    intent = order.intent
    quantity = max(intent.quantity, ordered.get(intent.client_order_id, intent.quantity))
    return _asked(deployment, replace(order, intent=replace(intent, quantity=quantity)))


def _parts(deployment: Deployment, orders: Iterable[PlacedOrder]) -> Iterator[AccountOrder]:
    """Yield what was approved of what the first order of a decision had left."""
    first = ""
    for one in orders:
        if one.intent.purpose == TARGET:
            first = one.intent.client_order_id
        elif one.intent.purpose == REMAINDER and one.progress.status != "DENIED":
            yield _asked(deployment, one)._replace(part_of=first)


def _asked(deployment: Deployment, order: PlacedOrder) -> AccountOrder:
    """Order as the account was asked for it."""
    intent = order.intent
    at_ms, price = to_ms(intent.bar_close), float(intent.price or 0.0)
    quantity, name = signed_quantity(intent), intent.client_order_id
    asked = AccountOrder(deployment.id, deployment.symbol, quantity, price, at_ms, client_order_id=name)
    return at_its_price(asked, intent)


def at_its_price(order: AccountOrder, intent: Intent) -> AccountOrder:
    """Return the order as one that waits for its price, as an event strategy's may; targets go to market."""
    if not number_of(intent.purpose) or intent.price is None:
        return order
    is_stop = intent.is_conditional
    return order._replace(price=float(intent.price), is_limit=not is_stop, is_stop=is_stop)
