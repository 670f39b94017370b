"""``python -P -m quant_pipelines.simulator``: the simulated venue as a process of its own."""

import argparse
import asyncio
import logging
import signal
import sys
from decimal import Decimal
from pathlib import Path

from aiohttp import web

from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.errors import ConfigurationError, QuantError
from quant_pipelines.simulator.server import Trading, build_application, open_market
from quant_pipelines.simulator.venue.credentials import DEMO_KEYS
from quant_pipelines.simulator.venue.service import DEFAULT_WALLET

_HOST = "127.0.0.1"
_SHUTDOWN_SECONDS = 2.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="quant_pipelines.simulator", description="Binance-compatible venue on this machine"
    )
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--home", type=Path, required=True, help="folder that keeps the market's anchor")
    parser.add_argument("--seed", type=int, default=None, help="seed of a new market; kept afterwards")
    parser.add_argument(
        "--archive",
        type=Path,
        default=None,
        metavar="DIR",
        help="Parquet folder that is played as if it were now",
    )
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="KEY:SECRET",
        help="API key that opens the account, may be repeated; demo:demo without any",
    )
    parser.add_argument(
        "--wallet", type=Decimal, default=DEFAULT_WALLET, help="play money of a new account, USDT"
    )
    return parser.parse_args()


def _trading(arguments: argparse.Namespace) -> Trading:
    pairs = [text.partition(":") for text in arguments.key]
    if any(not key or not secret for key, _, secret in pairs):
        raise ConfigurationError("an API key is written KEY:SECRET, such as demo:demo")
    keys = {key: secret for key, _, secret in pairs}
    return Trading(arguments.home, arguments.wallet, keys or DEMO_KEYS)


async def _serve(arguments: argparse.Namespace) -> None:
    played = open_market(
        arguments.home, seed=arguments.seed, clock=system_clock_ms, archive=arguments.archive
    )
    runner = web.AppRunner(
        build_application(played, clock=system_clock_ms, trading=_trading(arguments)),
        access_log=None,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    await runner.setup()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        site = web.TCPSite(runner, _HOST, arguments.port)
        await site.start()
        host, port = runner.addresses[0][:2]
        sys.stdout.write(f"simulator listens on http://{host}:{port} ({played.about})\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


def main() -> int:
    """Serve until SIGTERM or SIGINT; 1 and one sentence when it can't start."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(_serve(arguments))
    except (QuantError, OSError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
