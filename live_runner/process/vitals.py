"""Signs of life of the runner's process."""

import asyncio
from pathlib import Path

from quant_pipelines.stack.pulse import Pulse

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


def resident_megabytes() -> float:
    """Memory of this process that is in RAM, MB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    lines = (line.split() for line in status.read_text().splitlines())
    return next((int(words[1]) / 1024 for words in lines if words and words[0] == "VmRSS:"), 0.0)
