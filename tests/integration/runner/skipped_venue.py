"""The simulated venue in a process of its own, whose clock a test skips ahead.

Arguments: home, and, where it is to speak TLS, the files of its certificate and key. Its address goes to
stdout. A line of stdin is how many milliseconds its clock is ahead of the machine's from then on; it is
answered with a line.
"""

import asyncio
import ssl
import sys
from pathlib import Path

from aiohttp import web

from quant_pipelines.simulator.server import Trading, build_application, open_market
from tests.integration.runner.skipped_time import SkippedTime


async def serve(home: Path, *tls: Path) -> None:
    clock, lines = SkippedTime(), asyncio.StreamReader()
    played = open_market(home, seed=None, clock=clock)
    runner = web.AppRunner(build_application(played, clock=clock, trading=Trading(home)), access_log=None)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if tls else None
    if context is not None:
        context.load_cert_chain(*tls)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    say(f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}")
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    async for line in lines:
        clock.ahead_ms = int(line)
        say("skipped")
    await runner.cleanup()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(*map(Path, sys.argv[1:])))
