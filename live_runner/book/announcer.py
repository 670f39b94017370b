"""Tells on the bus what was committed: signals, orders, fills, denials, halts.

Best effort, after the commit, never in its way: what can't be told now waits in memory, and at most so much.
The rows are the truth; whoever missed an event reads them.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from live_runner.book.rows import json_safe
from quant_pipelines.cache import Cache, Entry, EventIds, position_key
from quant_pipelines.cache.keys import PENDING_ORDERS, SIGNAL_QUEUE
from quant_pipelines.core.clock import Clock
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.trading import Booking

Announce = Callable[[Deployment, Booking], None]
Alarm = Callable[[str, str], None]

_MOST_WAITING = 10_000
_SIGNALS_SHOWN = 100
_FINAL = ("FILLED", "CANCELED", "REJECTED", "EXPIRED", "DENIED")

_log = logging.getLogger(__name__)


class Told(NamedTuple):
    """An event: its topic, kind and document."""

    topic: str
    kind: str
    body: Mapping[str, Any]


class _News(NamedTuple):
    """Events to publish, and entries of the live state to write."""

    told: list[Told]
    entries: Sequence[Entry] = ()


def silent(_deployment: Deployment, _booking: Booking) -> None:
    """Tell nothing: a runner without a cache."""


def unheard(_source: str, _message: str) -> None:
    """Raise no alarm: a runner without a cache."""


class Announcer:
    """Tells events of one writer.

    Parameters
    ----------
    cache
        Where they go.
    name
        Host and process; no other process has it.
    clock
        This machine's time, milliseconds UTC.
    """

    def __init__(self, cache: Cache, name: str, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock
        self._ids = EventIds(name, clock)
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Callable[[], _News]] = deque(maxlen=_MOST_WAITING)
        self._arrived = asyncio.Event()
        self._signals: deque[Mapping[str, Any]] = deque(maxlen=_SIGNALS_SHOWN)
        self._pending: dict[str, Mapping[str, Any]] = {}

    def booked(self, deployment: Deployment, booking: Booking) -> None:
        """Tell a booking that was committed; returns at once, from any thread."""
        now_ms = self._clock()
        self._hand_over(
            lambda: _News(events_of(deployment, booking), [_position(deployment, booking, now_ms)])
        )

    def halted(self, source: str, message: str) -> None:
        """Tell that something trips a breaker; returns at once, from any thread."""
        self._hand_over(lambda: _News([Told("risk", "halted", {"source": source, "message": message})]))

    def system(self, kind: str, body: Mapping[str, Any]) -> None:
        """Tell what happens to the process itself."""
        self._hand_over(lambda: _News([Told("system", kind, body)]))

    async def run(self) -> None:
        """Publish until canceled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                tell = self._waiting.popleft()
                try:
                    told, entries = tell()
                    await self._cache.bus.publish([self._ids.event(*one) for one in told])
                    await self._cache.state.write([*entries, *self._queues(told)])
                except Exception:  # noqa: BLE001 - telling must never stop the trading
                    _log.exception("events are not told")

    def _hand_over(self, tell: Callable[[], _News]) -> None:
        self._waiting.append(tell)
        self._loop.call_soon_threadsafe(self._arrived.set)

    def _queues(self, told: list[Told]) -> list[Entry]:
        """Signals and waiting orders as they are after these events."""
        changed = set()
        for topic, kind, body in told:
            if kind == "signal":
                self._signals.append(body)
                changed.add(SIGNAL_QUEUE)
            elif topic == "orders" and kind == "intent":
                self._pending[body["client_order_id"]] = body
                changed.add(PENDING_ORDERS)
            elif topic == "orders" and kind == "order" and body["status"] in _FINAL:
                self._pending.pop(body["client_order_id"], None)
                changed.add(PENDING_ORDERS)
        values: dict[str, dict[str, Any]] = {
            SIGNAL_QUEUE: {"signals": list(self._signals)},
            PENDING_ORDERS: {"orders": list(self._pending.values())},
        }
        return [Entry(key, values[key], self._clock()) for key in sorted(changed)]


def events_of(deployment: Deployment, booking: Booking) -> list[Told]:
    """Everything that a booking did, in the order in which it happened."""
    about = {"deployment": deployment.id, "strategy": deployment.strategy, "symbol": booking.symbol}
    about |= {"bar_close": booking.bar_close.isoformat(), "venue": booking.venue}
    told: list[Told] = []
    for fill in booking.fills:
        amounts = {name: str(getattr(fill, name)) for name in ("quantity", "price", "fee")}
        names = {name: getattr(fill, name) for name in ("trade_id", "client_order_id", "side", "reason")}
        told.append(Told("orders", "fill", about | names | amounts | {"ts": fill.ts.isoformat()}))
    for state in booking.orders:
        order = {"client_order_id": state.client_order_id, "status": state.status, "reason": state.reason}
        told.append(Told("orders", "order", about | order | {"filled_quantity": str(state.filled_quantity)}))
    if (signal := booking.signal) is not None:
        denied_by = signal.decision.get("denied_by")
        shown = json_safe({"target": signal.target, "price": signal.price, "denied_by": denied_by})
        told.append(Told("signals", "signal", about | shown))
        if denied_by:
            told.append(Told("risk", "denied", about | {"rule": denied_by, "target": signal.target}))
    for intent in booking.intents:
        names = {name: getattr(intent, name) for name in ("client_order_id", "side", "purpose", "order_type")}
        told.append(Told("orders", "intent", about | names | {"quantity": str(intent.quantity)}))
    return told


def _position(deployment: Deployment, booking: Booking, now_ms: int) -> Entry:
    held = booking.position
    amounts = {name: str(getattr(held, name)) for name in ("quantity", "entry_price", "realized_pnl")}
    stop_price = None if held.stop_price is None else str(held.stop_price)
    value = {
        "deployment": deployment.id,
        "bar_close": booking.bar_close.isoformat(),
        "stop_price": stop_price,
    }
    return Entry(position_key(deployment.strategy, booking.symbol, deployment.id), value | amounts, now_ms)
