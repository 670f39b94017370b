"""A runner in a process of its own that dies by SIGKILL at one call of its journal or request to its venue.

Arguments: database URL, address of the venue, and, as JSON, the cell at which it dies from its start on; null
for none. Lines of stdin: ``ahead`` and how many milliseconds the clock is ahead of the machine's from then
on; ``arm`` and a cell.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp

from live_runner.ports.market_time import ExchangeTime
from live_runner.process.runner import Runner, Surroundings
from quant_pipelines.core.settings import Settings
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.store.engine import connect
from quant_pipelines.store.epochs import writer_session
from quant_pipelines.store.postgres_journal import PostgresJournal
from tests.faults.boundaries import Boundary, Cell, Trap, WatchedRows, request_boundary, reset
from tests.in_process import in_process
from tests.integration.runner.skipped_time import SkippedTime
from tests.integration.runner.venue_world import settings_of


def kill() -> None:
    """End this process here."""
    os.kill(os.getpid(), signal.SIGKILL)


class MortalSession:
    """``aiohttp.ClientSession`` whose every request passes a trap."""

    def __init__(self, trap: Trap) -> None:
        self._session, self._trap = aiohttp.ClientSession(), trap
        self.get, self.put = partial(self._request, "GET"), partial(self._request, "PUT")
        self.post, self.delete = partial(self._request, "POST"), partial(self._request, "DELETE")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    @asynccontextmanager
    async def _request(
        self, method: str, url: Any, *, data: bytes | None = None, **options: Any
    ) -> AsyncIterator[Any]:
        parts = urlsplit(str(url))
        told = dict(parse_qsl(parts.query)) | dict(parse_qsl((data or b"").decode()))
        how = self._trap.enter(request_boundary(method, parts.path, told), reset)
        async with self._session.request(method, url, data=data, **options) as response:
            await response.read()
            self._trap.leave(how, reset)
            yield response


async def run(database_url: str, address: str, trap: Trap) -> None:
    """Trade until the process is killed."""
    settings, clock, engine = settings_of(address), SkippedTime(), connect(database_url)

    def connect_orders(settings: Settings) -> CcxtOrders:
        return CcxtOrders(settings.exchange, "", "", clock=clock, open_session=partial(MortalSession, trap))

    following = asyncio.create_task(_follow_orders(clock, trap))
    lease, time = partial(writer_session, database_url), ExchangeTime(clock)
    async with CcxtSource(settings.exchange, clock=clock) as source:
        journal: Any = WatchedRows(PostgresJournal(engine), trap)
        around = Surroundings(
            journal, lease, settings, source, time, "test:1", connect_orders, load=in_process
        )
        await Runner(around).run(asyncio.Event())
    await following


async def _follow_orders(clock: SkippedTime, trap: Trap) -> None:
    """Do what stdin says."""
    lines = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    async for line in lines:
        verb, _, rest = line.decode().partition(" ")
        if verb == "ahead":
            clock.ahead_ms = int(rest)
        else:
            trap.arm(cell_of(rest))


def cell_of(text: str) -> Cell:
    """Cell from its JSON."""
    (side, name), occurrence, how = json.loads(text)
    return Cell(Boundary(side, name), occurrence, how)


if __name__ == "__main__":
    given = sys.argv[3]
    asyncio.run(run(sys.argv[1], sys.argv[2], Trap(() if given == "null" else (cell_of(given),), kill)))
