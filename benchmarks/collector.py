"""How fast the collector's words become readable, with Redis and without: a generated stream, real servers.

    python benchmarks/collector.py [--seconds 60] [--rate 12000] [--symbols 50] [--without-redis]

Events are handed over where the exchange client hands over what it has parsed. ``readable`` is from there to
the end of the write that made the value (or a newer one of its key) readable to other processes; every event
counts.
``seen`` is measured by a second process that reads one symbol's values as fast as it can.
"""

import argparse
import asyncio
import gc
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from sqlalchemy import Engine

from live_runner.collector.board import Board
from live_runner.collector.streams import CollectorStreams
from live_runner.process.memory import resident_megabytes
from quant_pipelines.cache import Cache, Entry, LiveState, tick_key
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.exchange import BookTop, MarkPrice, PublicTrade
from quant_pipelines.stack.ports import answers, free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect
from quant_pipelines.store.migrate import migrate

STEP_SECONDS = 0.005
BIN_MS, N_BINS = 0.1, 100_000


class Measured:
    """`LiveState` that counts how long each event waited for the end of its write.

    Counts in bins of a tenth of a millisecond: the measurement takes no more memory the longer it runs.
    """

    def __init__(self, state: LiveState) -> None:
        self._state = state
        self.received: list[float] = []
        self.counts = np.zeros(N_BINS, dtype=np.int64)
        self.writes = 0

    async def write(self, entries: Sequence[Entry]) -> None:
        received, self.received = self.received, []
        await self._state.write(entries)
        waited_ms = (time.perf_counter() - np.array(received)) * 1000
        np.add.at(self.counts, np.minimum((waited_ms / BIN_MS).astype(np.int64), N_BINS - 1), 1)
        self.writes += 1

    def waited_ms(self, share: float) -> float:
        """Upper end of the bin below which this share of the events waited."""
        total = np.cumsum(self.counts)
        return float(np.searchsorted(total, share * total[-1]) + 1) * BIN_MS

    async def read(self, keys: Sequence[str]) -> dict[str, Entry]:
        return await self._state.read(keys)


class Generator:
    """Trades, quotes and marks of many symbols at an even rate."""

    def __init__(self, streams: CollectorStreams, measured: Measured, symbols: list[str]) -> None:
        self._streams = streams
        self._measured = measured
        self._symbols = symbols
        self.sent = 0

    async def run(self, rate: int, seconds: float) -> float:
        """Send for so long; returns the events per second that were really sent."""
        begun = time.perf_counter()
        while (passed := time.perf_counter() - begun) < seconds:
            for _ in range(int(passed * rate) - self.sent):
                self._send()
            await asyncio.sleep(STEP_SECONDS)
        return self.sent / (time.perf_counter() - begun)

    def _send(self) -> None:
        number, now_ms = self.sent, system_clock_ms()
        symbol = self._symbols[number // 8 % len(self._symbols)]
        kind = number % 8
        if kind < 4:
            self._streams.take_book_top(BookTop(symbol, now_ms, 100.0 + kind, 1.5, 100.5, 2.5, now_ms))
        elif kind < 7:
            trade_id = str(time.time_ns())
            self._streams.take_trade(PublicTrade(symbol, now_ms, trade_id, 100.25, 0.125, False, now_ms))
        else:
            self._streams.take_mark(MarkPrice(symbol, now_ms, 100.2, 100.1, 0.0001, now_ms, now_ms))
        self._measured.received.append(time.perf_counter())
        self.sent += 1


async def play(options: argparse.Namespace, redis_url: str, engine: Engine, database_url: str) -> None:
    async with Cache(redis_url, engine, database_url) as cache:
        measured = Measured(cache.state)
        board = Board(measured)
        symbols = [f"S{number:03d}/USDT:USDT" for number in range(options.symbols)]
        generator = Generator(CollectorStreams(None, board), measured, symbols)  # type: ignore[arg-type]
        writing = asyncio.create_task(board.run())
        cpu = time.process_time()
        reading = await asyncio.create_subprocess_exec(
            *(sys.executable, __file__, "--reader", symbols[0], "--seconds", str(options.seconds)),
            *("--redis-url", redis_url, "--database-url", database_url),
            stdout=subprocess.PIPE,
        )
        memory = asyncio.create_task(memory_over_time(options.seconds))
        rate = await generator.run(options.rate, options.seconds)
        seen = (await reading.communicate())[0].decode().strip()
        writing.cancel()
        cpu = time.process_time() - cpu
        report(options, cache, measured, rate)
        print(f"  seen by another process, ms: {seen}")
        print(f"  CPU of this process, generator included: {100 * cpu / options.seconds:.0f} % of one core")
        print(f"  memory, MB at even times: {await memory}")


async def memory_over_time(seconds: float) -> list[float]:
    """Memory of this process, the generator and the measurement included."""
    found = []
    for _ in range(6):
        await asyncio.sleep(seconds / 6 - 0.05)
        gc.collect()
        found.append(round(resident_megabytes(), 1))
    return found


def report(options: argparse.Namespace, cache: Cache, measured: Measured, rate: float) -> None:
    p50, p99, p999, worst = (measured.waited_ms(share) for share in (0.5, 0.99, 0.999, 1.0))
    health = cache.health()
    print(f"{health['serves']}: {rate:,.0f} events/s for {options.seconds:.0f} s, {options.symbols} symbols")
    print(f"  readable, ms: p50 {p50:.1f}  p99 {p99:.1f}  p99.9 {p999:.1f}  worst {worst:.1f}")
    print(f"  writes a second: {measured.writes / options.seconds:.0f}, switches {health['switches']}")


async def read_for_ever(options: argparse.Namespace) -> None:
    """Second process: ages of one symbol's trades when they are first seen."""
    engine = connect(options.database_url)
    found: list[float] = []
    async with Cache(options.redis_url, engine, options.database_url) as cache:
        key, last = tick_key(options.reader), ""
        end = time.monotonic() + options.seconds - 2.0
        while time.monotonic() < end:
            entry = (await cache.state.read([key])).get(key)
            if entry is not None and entry.value.get("trade_id") != last:
                last = entry.value["trade_id"]
                found.append((time.time_ns() - int(last)) / 1e6)
            await asyncio.sleep(0.0005)
    engine.dispose()
    p50, p99 = np.percentile(found[1:], [50, 99])
    print(f"p50 {p50:.1f}  p99 {p99:.1f}  ({len(found)} values)")


@contextmanager
def servers(with_redis: bool) -> Iterator[tuple[str, str]]:
    """Address of Redis (empty without) and of a fresh database."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quant-collector-")))
        stack.callback(remove_place, home)
        server = stack.enter_context(EmbeddedPostgres(home, free_port(), durable=False))
        create_database(server.url("postgres"), "quant")
        if not with_redis:
            yield "", server.url("quant")
            return
        binary = shutil.which("redis-server")
        if binary is None:
            sys.exit("redis-server is not installed")
        port = free_port()
        process = subprocess.Popen(
            [binary, "--port", str(port), "--save", "", "--dir", str(home)], stdout=subprocess.DEVNULL
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
        while not answers(port):
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0", server.url("quant")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=12_000)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--without-redis", action="store_true")
    for hidden in ("--reader", "--redis-url", "--database-url"):
        parser.add_argument(hidden, default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        asyncio.run(read_for_ever(options))
        return
    with servers(not options.without_redis) as (redis_url, database_url):
        engine = connect(database_url)
        migrate(engine)
        asyncio.run(play(options, redis_url, engine, database_url))
        engine.dispose()


if __name__ == "__main__":
    main()
