"""Orders of one cycle that cross between books: booked at the price of what was sent of them.

What crosses stays an open order of its book until then. It is kept in memory alone: whoever begins anew has
never sent what is left of it, and denies that, as any order that was committed and not sent. So is what a
book wanted that a stop or an exit has closed meanwhile: crossed all the same, it would hold the other side.
And a cross waits for what is sent of its cycle: a book that was stopped meanwhile trades nothing more.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from live_runner.venue.broker import VenueBroker
from live_runner.venue.place import PlaceBooks
from live_runner.venue.receiving import Booked
from quant_pipelines.core.orders import Side
from quant_pipelines.store.trading import Fill
from quant_pipelines.store.venue_orders import OrderStep, PlacedOrder
from quant_pipelines.trading.breaker import TradingState
from quant_pipelines.trading.netting import Cross, reduces_net
from quant_pipelines.trading.orders import FINAL, OrderProgress
from quant_pipelines.trading.purposes import EXITS, INTERNAL_PREFIX, STOP

_ZERO = Decimal(0)


class Crossing(NamedTuple):
    """What crosses in one cycle, the names of the orders that are sent for the rest of it, and what was held.

    ``held`` is what each book held when they crossed, base, signed.
    """

    crosses: tuple[Cross, ...]
    sent: tuple[str, ...]
    held: Mapping[int, Decimal]

    @property
    def unsent(self) -> set[str]:
        """Orders of which nothing is sent."""
        return {name for cross in self.crosses for name in cross[:2]} - set(self.sent)


def is_due(books: PlaceBooks, crossing: Crossing) -> bool:
    """Whether all that was sent has ended, and is booked, and nothing else is about to change a book."""
    leaving = (one for broker in books.brokers.values() for one in broker.unsettled())
    is_quiet = not any(one.intent.purpose in (STOP, *EXITS) for one in leaving)
    return is_quiet and all(_is_over(books, name) for name in crossing.sent)


def still_wanted(books: PlaceBooks, crossing: Crossing, states: Mapping[int, TradingState]) -> Crossing:
    """Return what is left of it: crosses of books that only their own orders have changed, and may trade.

    ``states`` are those of the books by now: one that reduces takes no part that opens or adds.
    """

    def takes(name: str, change: Decimal) -> bool:
        state, held = states[_key_of(books, name)], _broker_of(books, name).position().quantity
        may_trade = state == "ACTIVE" or (state == "REDUCING" and reduces_net(held, change))
        return may_trade and _holds(books, crossing, name)

    wanted = (
        one for one in crossing.crosses if takes(one.buy, one.quantity) and takes(one.sell, -one.quantity)
    )
    return crossing._replace(crosses=tuple(wanted))


def fill_price(books: PlaceBooks, crossing: Crossing) -> Decimal | None:
    """Average price of what was sent, quote per base; None if nothing of it was filled."""
    traded = [_broker_of(books, name).tally.traded(name) for name in crossing.sent]
    quantity = sum((one.quantity for one in traded), _ZERO)
    return sum((one.notional for one in traded), _ZERO) / quantity if quantity else None


def book_crossing(books: PlaceBooks, crossing: Crossing, price: Decimal, at: datetime) -> list[Booked]:
    """Commit both sides of every cross, and the orders that they fill, at once; returns the fills."""
    fills = [one for cross in crossing.crosses for one in _pair(books, cross, price, at)]
    received = []
    for key in sorted({one.deployment_id for one in fills}):
        mine = [one.fill for one in fills if one.deployment_id == key]
        received.append(books.brokers[key].stage(mine, (), orders=_steps(books, key, mine), at=at))
    books.journal.receive(books.epoch, received, at)
    return fills


def _pair(books: PlaceBooks, cross: Cross, price: Decimal, at: datetime) -> Iterable[Booked]:
    sides: tuple[tuple[Side, str], ...] = (("buy", cross.buy), ("sell", cross.sell))
    for part, (side, name) in enumerate(sides):
        broker = _broker_of(books, name)
        trade_id = f"{INTERNAL_PREFIX}{cross.buy}/{cross.sell}"
        reason = broker.orders[name].intent.purpose
        fill = Fill(trade_id, name, side, cross.quantity, price, _ZERO, reason, at, part=part)
        yield Booked(_key_of(books, name), fill)


def _steps(books: PlaceBooks, key: int, fills: Iterable[Fill]) -> list[OrderStep]:
    """Return how far the orders of a book are with these fills; what was sent keeps its end."""
    crossed: dict[str, Decimal] = {}
    for fill in fills:
        name = fill.client_order_id or ""
        crossed[name] = crossed.get(name, _ZERO) + fill.quantity
    return [
        OrderStep(name, _progress(books.brokers[key].orders[name], quantity), reason="crossed between books")
        for name, quantity in crossed.items()
    ]


def _progress(order: PlacedOrder, crossed: Decimal) -> OrderProgress:
    status, filled = order.progress.status, order.progress.filled_quantity + crossed
    if status in FINAL:
        return OrderProgress(status, filled)
    return OrderProgress("FILLED" if filled == order.intent.quantity else "CANCELED", filled)


def _holds(books: PlaceBooks, crossing: Crossing, name: str) -> bool:
    key = _key_of(books, name)
    broker = books.brokers[key]
    traded = broker.tally.traded(name).quantity
    signed = traded if broker.orders[name].intent.side == "buy" else -traded
    return broker.position().quantity == crossing.held[key] + signed


def _is_over(books: PlaceBooks, name: str) -> bool:
    broker = _broker_of(books, name)
    return broker.orders[name].progress.status in FINAL and not broker.unbooked(name)


def _broker_of(books: PlaceBooks, name: str) -> VenueBroker:
    return books.brokers[_key_of(books, name)]


def _key_of(books: PlaceBooks, name: str) -> int:
    return next(key for key, broker in books.brokers.items() if name in broker.orders)
