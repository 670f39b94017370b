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

Name: TypeAlias = Literal["target", "set", "kept"]

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
    "kept": Script(_sized, lambda world: Challenge(world, Course(40.0, 160.0, "kept"))),
}
"""The last one's book goes on with its canary's parameters while it holds something; see `challenge.py`."""
