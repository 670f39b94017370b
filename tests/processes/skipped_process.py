"""The runner or the collector, as it is shipped, by a clock that skips minutes.

Arguments: ``runner`` or ``collector``, and how many milliseconds the clock is ahead of the machine's. A line
of stdin is how many it is ahead from then on; its end ends the process. Settings come from the environment.
"""

import asyncio
import faulthandler
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial

from live_runner.ports.tasks import first_of
from live_runner.process.entry import run_process
from quant_pipelines.core.settings import Settings
from quant_pipelines.settings import home_folder, load_settings
from tests.integration.runner.skipped_time import SkippedTime


async def _follow(clock: SkippedTime) -> None:
    lines = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    async for line in lines:
        clock.ahead_ms = int(line)


def _work(role: str) -> Callable[..., Awaitable[None]]:
    if role == "collector":
        from live_runner.collector.__main__ import collect  # noqa: PLC0415 - each imports what it needs

        return collect
    from live_runner.process.root import trade  # noqa: PLC0415
    from quant_pipelines.stack.pulse import Pulse  # noqa: PLC0415

    return partial(trade, Pulse(home_folder() / "runner.pulse"))


def _show() -> None:
    """Write what everybody waits for to stderr."""
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)
    faulthandler.dump_traceback()


def main(role: str, ahead_ms: int) -> int:
    clock = SkippedTime()
    clock.ahead_ms = ahead_ms
    work = _work(role)

    async def run(settings: Settings, stopping: asyncio.Event) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _show)
        await first_of(_follow(clock), work(settings, stopping, clock))

    return run_process("runner", logging.getLogger(f"skipped {role}"), load_settings, run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
