"""What is traded while a runner is broken at each of its boundaries: one text each, minute by minute.

A script begins 20 s before its first close, which is the minute before a funding slot.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from quant_pipelines.store.deployments import Deployment
from tests.faults.boundaries import Boundary, Cell
from tests.faults.challenge import Challenge, Course
from tests.faults.deployments import Deploy, deployment_at, pair_at

if TYPE_CHECKING:
    from tests.faults.world import World

BEGINS_MS = 20_000
TARGETS = (1.0, -1.0, 0.0, 1.0, 0.4, 0.4, -1.0)
"""At each minute's close. The second one is the funding slot; what is entered at the fourth ends by time."""

TARGET = '''
import numpy as np
from quant_pipelines.sdk import Array, Bars, Float, Int, Stops, Strategy


class Script(Strategy):
    """What is written."""

    size = Float(1.0, low=0.1, high=1.0)
    stops = Stops(
        hard_stop=Float(0.05, low=0.001, high=0.5),
        chandelier_stop=Float(8.0, low=1.0, high=50.0),
        time_stop=Int(2, low=1, high=100),
    )

    def target(self, bars: Bars) -> Array:
        minutes = (bars.ts - {first_ms}) // 60_000 + 1
        return np.asarray({targets})[np.clip(minutes, 0, {last})] * (minutes >= 0) * self.size
'''

PAIR = '''
import numpy as np
from quant_pipelines.sdk import Array, Float, Inputs, Int, Panel, Stops, Strategy


class Script(Strategy):
    """What is written in the first symbol, and the other side of it in the other ones."""

    inputs = Inputs(symbols=0)
    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5), time_stop=Int(2, low=1, high=100))

    def target(self, bars: Panel) -> Array:
        minutes = (bars.ts - {first_ms}) // 60_000 + 1
        sizes = 0.9 * np.asarray({targets})[np.clip(minutes, 0, {last})] * (minutes >= 0)
        target = np.outer(sizes, np.where(np.arange(bars.close.shape[1]) == 0, 1.0, -1.0))
        target[~bars.is_complete] = np.nan
        return target
'''

PLACED = '''
from quant_pipelines.sdk import Bars, Desk, EventStrategy, Float, OrderEvent, Stops


class Script(EventStrategy):
    """Orders of each kind: they rest, are taken back, fill at once, wait for a price, or expire."""

    order_kinds = ("limit", "stop_market", "market")
    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5))

    def on_start(self, desk: Desk) -> None:
        desk.memory["told"] = 0

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        minute = (int(bars.ts[-1]) - {first_ms}) // 60_000 + 1
        price = desk.price
        if minute == 0:
            desk.market(0.4)
            desk.limit(0.2, price * 0.97)
            desk.stop_market(0.2, price * 1.03)
            desk.limit(0.1, price * 0.98, post_only=True, expires_bars=2)
        elif minute == 1:
            self._take_back(desk)
            desk.limit(-0.3, price * 0.99)
            desk.stop_market(1.0, price * 0.97, reduce_only=True)
        elif minute == 2:
            self._take_back(desk)
            desk.stop_market(0.3, price * 1.00005)
            desk.stop_market(-0.3, price * 0.99995)
        elif minute == 3:
            desk.cancel_all()
            side = -1.0 if desk.position > 0.0 else 1.0
            desk.limit(1.0, price * (1.0 + 0.01 * side), reduce_only=True)
        elif minute == 4:
            desk.market(-0.5)
            desk.stop_market(1.0, price * 1.03, reduce_only=True)
        elif minute == 5:
            desk.cancel_all()
            desk.limit(0.2, price * 0.97)
            desk.market(0.2)
        elif minute == 6:
            desk.stop_market(-0.2, price * 0.97)

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        desk.memory["told"] = desk.memory["told"] + 1

    def _take_back(self, desk: Desk) -> None:
        """Leave what expires by itself."""
        for order in desk.orders:
            if order.expires_ms is None:
                desk.cancel(order.number)
'''

Name: TypeAlias = Literal["target", "set", "event", "kept"]

ENTRY = Boundary("net", "POST /fapi/v1/order entry")
LOST_ENTRY = Cell(ENTRY, 2, "dies after")
"""Whose recovery is recorded: of the targets it is the flip, which was sent, and nobody heard."""


class Script(NamedTuple):
    """What trades, what happens beside it, and the order whose recovery is recorded."""

    deploy: Deploy
    prepare: Callable[["World"], object] = lambda _: None
    lost: Cell = LOST_ENTRY


def _written(text: str, deploy: Deploy = deployment_at) -> Deploy:
    """Deploy a text in which its begin is written."""

    def deployed(now_ms: int, chance: Random) -> Deployment:
        known = {"first_ms": now_ms + BEGINS_MS, "targets": TARGETS, "last": len(TARGETS) - 1}
        source = text
        for name, value in known.items():
            source = source.replace(f"{{{name}}}", str(value))
        return replace(deploy(now_ms, chance), source=source)

    return deployed


def _sized(now_ms: int, chance: Random) -> Deployment:
    """The targets, with a parameter that may be changed."""
    return replace(_written(TARGET)(now_ms, chance), parameters={"size": 1.0})


SCRIPTS: dict[Name, Script] = {
    "target": Script(_written(TARGET)),
    "set": Script(_written(PAIR, pair_at)),
    "event": Script(_written(PLACED)),
    "kept": Script(_sized, lambda world: Challenge(world, Course(40.0, 160.0, "kept"))),
}
"""The last one's book goes on with its canary's parameters while it holds something; see `challenge.py`."""
