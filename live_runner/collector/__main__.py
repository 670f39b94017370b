"""Composition root of the collector: ``python -P -m live_runner.collector``."""

import asyncio
import logging
import os
import socket
import sys

from live_runner.collector.collector import Collector, Surroundings
from live_runner.process.entry import outside, run_process
from quant_pipelines.core.clock import Clock, system_clock_ms
from quant_pipelines.core.settings import Settings
from quant_pipelines.settings import load_settings

_log = logging.getLogger("live_runner.collector")


async def collect(settings: Settings, stopping: asyncio.Event, clock: Clock = system_clock_ms) -> None:
    """Collect until ``stopping`` is set; errors are those of `outside`."""
    async with outside(settings, _log, clock) as found:
        name = f"collector:{socket.gethostname()}:{os.getpid()}"
        source, time, cache = found.source, found.time, found.cache
        around = Surroundings(found.engine, settings, source, time, cache, name, rates=source.rate_state)
        await Collector(around).run(stopping)


if __name__ == "__main__":
    sys.exit(run_process("collector", _log, load_settings, collect))
