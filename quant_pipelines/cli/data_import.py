"""``quant data import``: files of vendors and exchanges into the store, each one whole or not at all."""

import argparse
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quant_pipelines.cli.data_check import unused_text
from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_document, table
from quant_pipelines.cli.parse import contract_size, symbol_or_all
from quant_pipelines.cli.progress import waiting
from quant_pipelines.core.exchanges import require_exchange
from quant_pipelines.core.timeframes import TIMEFRAMES

if TYPE_CHECKING:
    from quant_pipelines.archive import Claims
    from quant_pipelines.marketdata.file_import import Request

_OF_A_FILE = ("kind", "layout", "volume_unit", "contract_size", "stamped", "zone", "date_order")
_KINDS = ("bars", "funding", "open_interest", "trades")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="Parquet, Feather, CSV or JSON, also gzipped or in a zip, or an archive folder",
    )
    add_home(parser)
    parser.add_argument("--exchange", type=require_exchange, help="ccxt id (default: of the file)")
    parser.add_argument(
        "--symbol", type=symbol_or_all, default="", help="as BTC/USDT:USDT (default: of the file)"
    )
    parser.add_argument(
        "--timeframe",
        default="",
        choices=tuple(TIMEFRAMES),
        help="of bars, or of those made of trades (default: the file's)",
    )
    parser.add_argument(
        "--kind", default="", choices=_KINDS, help="what is in it (default: the file's, else bars)"
    )
    parser.add_argument(
        "--layout", default="", metavar="NAME", help="where the file does not show its layout"
    )
    parser.add_argument(
        "--volume-unit",
        default="",
        choices=("base", "quote", "contracts"),
        help="what volumes count; quote is divided by the bar's price (default: the layout's)",
    )
    parser.add_argument(
        "--contract-size", type=contract_size, default=0.0, metavar="SIZE", help="base units of one contract"
    )
    parser.add_argument(
        "--stamped", default="", choices=("open", "close"), help="the end of a bar that its time means"
    )
    parser.add_argument("--zone", default="", help="of times without one, such as +02:00 (default: UTC)")
    parser.add_argument(
        "--date-order", default="", choices=("day", "month"), help="what stands first in 01-06-2024"
    )
    parser.add_argument("--dry-run", action="store_true", help="prove the files, store nothing")


def left_unread(arguments: argparse.Namespace) -> dict[str, str]:
    """Name what says something of a single file, where a folder is brought in that says it itself."""
    folders = [name for name in arguments.files if Path(name).expanduser().is_dir()]
    return dict.fromkeys(_OF_A_FILE, f"archive folder {folders[0]!r} says it itself") if folders else {}


def run(arguments: argparse.Namespace) -> int:
    """Prove and store; the first file that can't be used ends it."""
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.marketdata.file_import import import_files
    from quant_pipelines.settings import load_settings

    default_exchange = load_settings().exchange.id
    requests, unused = _requests(arguments, default_exchange), _unused(arguments, default_exchange)
    rows = []
    with (
        nullcontext((None, None)) if arguments.dry_run else opened(arguments) as (engine, _),
        waiting("import", arguments, total=len(requests)) as progress,
    ):
        for row in import_files(engine, requests, system_clock_ms):
            rows.append(row)
            if not rows[:-1] or rows[-2]["file"] != row["file"]:  # a file may hold two series
                progress.advance()
            if not arguments.json:
                progress.say(_sentence(row))
    if arguments.json:
        document = {"dry_run": arguments.dry_run, "files": rows}
        print_document(document | ({"unused": unused} if unused else {}))
        return 0
    if len(rows) > 1:
        print(table(rows, ("symbol", "kind", "timeframe", "layout", "rows", "inserted", "updated")))
    if unused:
        print(unused_text(unused))
    return 0


def _unused(arguments: argparse.Namespace, default_exchange: str) -> list[dict[str, str]]:
    """Files of the folders that are not taken."""
    from quant_pipelines.archive import unused_files

    exchange = arguments.exchange or default_exchange
    folders = [path for path in (Path(name).expanduser() for name in arguments.files) if path.is_dir()]
    return [one.to_document() for folder in folders for one in unused_files(folder, exchange)]


def _requests(arguments: argparse.Namespace, default_exchange: str) -> list["Request"]:
    from quant_pipelines.core.errors import ConfigurationError
    from quant_pipelines.marketdata.file_import import Request, files_of_archive

    asked = _asked(arguments)
    requests: list[Request] = []
    for path in (Path(name).expanduser() for name in arguments.files):
        if path.is_dir():
            exchange = asked.exchange or default_exchange
            requests += files_of_archive(path, exchange, symbol=asked.symbol, timeframe=asked.timeframe)
        elif path.is_file():
            requests.append(Request(path, asked, default_exchange))
        else:
            raise ConfigurationError(f"file {str(path)!r} does not exist")
    return requests


def _asked(arguments: argparse.Namespace) -> "Claims":
    from quant_pipelines.archive import Claims

    asked = Claims(
        kind=arguments.kind,
        symbol=arguments.symbol,
        timeframe=arguments.timeframe,
        exchange=arguments.exchange or "",
        layout=arguments.layout,
    )
    return replace(
        asked,
        volume_unit=arguments.volume_unit,
        contract_size=arguments.contract_size,
        stamped=arguments.stamped,
        zone=arguments.zone,
        date_order=arguments.date_order,
    )


def _sentence(row: dict[str, Any]) -> str:
    done = "usable" if row["inserted"] is None else f"{row['inserted']} inserted, {row['updated']} updated"
    what = " ".join(str(row[name]) for name in ("exchange", "symbol", "timeframe") if row[name])
    span = f"{row['first']:%Y-%m-%d %H:%M} to {row['last']:%Y-%m-%d %H:%M} UTC"
    told = f"{row['rows']} rows of {what}, {row['kind']}, {span}"
    lines = [f"{row['file']}: {told}; layout {row['layout']}, times in {row['unit']}; {done}"]
    return "\n".join([*lines, *(f"  {note}" for note in row["notes"])])
