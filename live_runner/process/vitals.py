"""Signs of life of the runner's process."""

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.stack.pulse import Pulse
from quant_pipelines.store.heartbeats import Heartbeat, write_heartbeat

SERVICE = "live_runner"
STANDBY_SERVICE = "live_runner_standby"
WAITING = "WAITING"
"""State of a runner that would trade, and can't: the venue or the data are away."""
_PULSE_SECONDS = 1.0


def beat(
    engine: Engine,
    service: str,
    state: str,
    detail: dict[str, Any],
    now_ms: int,
) -> None:
    """Write the runner's row.

    Raises
    ------
    StoreError
        If the database does not answer.
    """
    write_heartbeat(engine, Heartbeat(service, state, from_ms(now_ms), detail))


async def beating(pulse: Pulse) -> None:
    """Write the pulse until canceled."""
    while True:
        pulse.beat()
        await asyncio.sleep(_PULSE_SECONDS)


def resident_megabytes() -> float:
    """Memory of this process that is in RAM, MB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    lines = (line.split() for line in status.read_text().splitlines())
    return next((int(words[1]) / 1024 for words in lines if words and words[0] == "VmRSS:"), 0.0)
