"""Seconds from a direct kill's first line to the last cancel that the venue accepted.

    python benchmarks/kill.py 50 10

Each of 50 kills meets 10 orders that could open and two positions at the simulated venue, over HTTP. Told are
the kill itself, by its journal, and the command with the start of its process.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.operations.kill_journal import kill_folder
from quant_pipelines.trading.venue import MarketOrder
from tests.integration.runner.venue_world import simulator

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
COMMAND = ("-P", "-m", "quant_pipelines.cli", "kill", "--direct", "--json", "--reason", "measured")


async def prepare(address: str, number: int, n_orders: int) -> None:
    """Hold two symbols, and let orders wait."""
    async with CcxtOrders(ExchangeSettings(base_url=address), "", "") as venue:
        stamp = await venue.now_ms()
        await venue.send(MarketOrder(f"q{number}-l", BTC, "buy", Decimal("0.2"), stamp))
        await venue.send(MarketOrder(f"q{number}-s", ETH, "sell", Decimal(3), stamp))
        client = venue._client  # noqa: SLF001 - limit orders, which the runner never sends
        price = (await client.fetch_ticker(BTC))["last"]
        for one in range(n_orders):
            name = {"newClientOrderId": f"q{number}-{one}"}
            await client.create_order(BTC, "limit", "buy", 0.01, round(price * 0.8), name)


def seconds_to_last_cancel(journal: Path) -> float:
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    begun = datetime.fromisoformat(lines[0]["at"])
    canceled = [datetime.fromisoformat(line["at"]) for line in lines if line["what"] == "canceled"]
    return (max(canceled) - begun).total_seconds()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=50)
    parser.add_argument("orders", type=int, nargs="?", default=10)
    given = parser.parse_args()
    kills, commands = [], []
    with tempfile.TemporaryDirectory() as folder, simulator(Path(folder) / "venue") as venue:
        home = Path(folder) / "home"
        environment = os.environ | {"QUANT_HOME": str(home), "QUANT_EXCHANGE__BASE_URL": venue.address}
        for number in range(given.kills):
            asyncio.run(prepare(venue.address, number, given.orders))
            started = time.monotonic()
            subprocess.run((sys.executable, *COMMAND), env=environment, check=True, stdout=subprocess.DEVNULL)
            commands.append(time.monotonic() - started)
            kills.append(seconds_to_last_cancel(max(kill_folder(home).iterdir())))
    for name, seconds in (("begun to last cancel", kills), ("whole command", commands)):
        ordered = sorted(seconds)
        p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
        sys.stdout.write(
            f"{name}: p50 {1000 * statistics.median(ordered):.0f} ms, p99 {1000 * p99:.0f} ms, "
            f"{len(ordered)} kills of {given.orders} orders\n"
        )


if __name__ == "__main__":
    main()
