"""Signs of life of the runner's process."""

import asyncio
import math
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from live_runner.book.trader import Trader
from live_runner.process.memory import resident_megabytes
from live_runner.process.outages import Outage
from quant_pipelines.stack.pulse import Pulse
from quant_pipelines.store.heartbeats import Heartbeat
from quant_pipelines.trading.breaker import TRADING_STATES, TradingState, Trip, after, decides

SERVICE = "live_runner"
STANDBY_SERVICE = "live_runner_standby"
WAITING = "WAITING"
"""State of a runner that would trade, and can't: the venue or the data are away."""
_PULSE_SECONDS = 1.0


async def beating(pulse: Pulse) -> None:
    """Write the pulse until canceled."""
    while True:
        pulse.beat()
        await asyncio.sleep(_PULSE_SECONDS)


class Obstacles(NamedTuple):
    """What stands in the way of all trading: outages, and halts of the scope ``account``."""

    outages: tuple[Outage, ...] = ()
    halts: tuple[Trip, ...] = ()


def sign_of_life(
    traders: Sequence[Trader],
    ages_seconds: Mapping[str, float],
    obstacles: Obstacles,
    *,
    epoch: int,
    at: datetime,
) -> Heartbeat:
    """Return the runner's row: the best state of those that it trades, and what each of them does.

    Where it trades nothing, the state is what the halts of all accounts will make of what it is given.
    """
    outages = [outage.document for outage in obstacles.outages]
    waiting: TradingState = "ACTIVE"
    for halt in obstacles.halts:
        waiting = after(waiting, halt.event)
    best = min((trader.state for trader in traders), default=waiting, key=TRADING_STATES.index)
    known = {symbol: age if math.isfinite(age) else None for symbol, age in ages_seconds.items()}
    detail: dict[str, Any] = {
        "epoch": epoch,
        "pid": os.getpid(),
        "memory_mb": round(resident_megabytes(), 1),
        "data_age_seconds": {symbol: age and round(age, 3) for symbol, age in known.items()},
        "deployments": [trader.status() for trader in traders],
        "outages": outages,
    }
    return Heartbeat(SERVICE, WAITING if outages and decides(best) else best, at, detail)
