"""``quant data import``: Parquet and CSV files into the store, each one whole or not at all."""

import argparse
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_document, table
from quant_pipelines.cli.parse import symbol_or_all
from quant_pipelines.cli.progress import waiting
from quant_pipelines.core.exchanges import require_exchange
from quant_pipelines.core.timeframes import TIMEFRAMES

if TYPE_CHECKING:
    from quant_pipelines.marketdata.file_import import Request

_KINDS = ("bars", "funding", "open_interest")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="Parquet, CSV, gzipped CSV, or an archive folder"
    )
    add_home(parser)
    parser.add_argument("--exchange", type=require_exchange, help="ccxt id (default: exchange.id)")
    parser.add_argument("--symbol", type=symbol_or_all, default="", help="such as BTC/USDT:USDT")
    parser.add_argument("--timeframe", default="", choices=tuple(TIMEFRAMES), help="of bars")
    parser.add_argument("--kind", default="bars", choices=_KINDS, help="what is in it (default: %(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="prove the files, store nothing")


def run(arguments: argparse.Namespace) -> int:
    """Prove and store; the first file that can't be used ends it."""
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.marketdata.file_import import import_files
    from quant_pipelines.settings import load_settings

    requests = _requests(arguments, arguments.exchange or load_settings().exchange.id)
    rows = []
    with (
        nullcontext((None, None)) if arguments.dry_run else opened(arguments) as (engine, _),
        waiting("import", arguments, total=len(requests)) as progress,
    ):
        for row in import_files(engine, requests, system_clock_ms):
            rows.append(row)
            progress.advance()
            if not arguments.json:
                progress.say(_sentence(row))
    if arguments.json:
        print_document({"dry_run": arguments.dry_run, "files": rows})
    elif len(rows) > 1:
        print(table(rows, ("symbol", "kind", "timeframe", "rows", "inserted", "updated")))
    return 0


def _requests(arguments: argparse.Namespace, exchange: str) -> list["Request"]:
    from quant_pipelines.core.errors import ConfigurationError
    from quant_pipelines.marketdata.file_import import Request, files_of_archive

    requests: list[Request] = []
    for path in (Path(name).expanduser() for name in arguments.files):
        if path.is_dir():
            symbol, timeframe = arguments.symbol, arguments.timeframe
            requests += files_of_archive(path, exchange, symbol=symbol, timeframe=timeframe)
            continue
        if not path.is_file():
            raise ConfigurationError(f"file {str(path)!r} does not exist")
        needed = {"--symbol": arguments.symbol}
        needed |= {"--timeframe": arguments.timeframe} if arguments.kind == "bars" else {}
        missing = [name for name, value in needed.items() if not value]
        if missing:
            raise ConfigurationError(
                f"{' and '.join(missing)} missing; expected for a file of {arguments.kind}"
            )
        timeframe = arguments.timeframe if arguments.kind == "bars" else ""
        requests.append(Request(path, arguments.kind, exchange, arguments.symbol, timeframe))
    return requests


def _sentence(row: dict[str, object]) -> str:
    done = "usable" if row["inserted"] is None else f"{row['inserted']} inserted, {row['updated']} updated"
    return f"{row['file']}: {row['rows']} rows of {row['symbol']}, {done}"
