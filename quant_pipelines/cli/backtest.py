"""``quant backtest``: one backtest, on files or on what the stack has stored."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from quant_pipelines.cli.output import print_document, table
from quant_pipelines.cli.parse import add_market_arguments, assignment, strategy_with_values
from quant_pipelines.core.orders import Direction


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_market_arguments(parser)
    parser.add_argument(
        "--set", type=assignment, action="append", default=[], metavar="NAME=VALUE", help="a parameter"
    )
    parser.add_argument("--direction", choices=get_args(Direction), default="both")
    parser.add_argument("--sizing", default="all_in", metavar="all_in|fixed:Q|vol_target")
    parser.add_argument("--stops", choices=("on", "off"), default="on")
    parser.add_argument("--fee-bps", type=float, help="fee of a fill in basis points (default: settings)")
    parser.add_argument("--slippage-bps", type=float, help="slippage in basis points (default: settings)")
    parser.add_argument("--funding", choices=("on", "off"), default="on")
    parser.add_argument("--capital", type=float, default=10_000.0, help="(default: %(default)s)")
    parser.add_argument(
        "--compare",
        type=strategy_with_values,
        action="append",
        default=[],
        metavar="STRATEGY[:NAME=VALUE,...]",
        help="another strategy, or the same with other values, on the same bars and rules; repeatable",
    )
    parser.add_argument("--trades", type=Path, metavar="F.csv", help="write the trades")


def run(arguments: argparse.Namespace) -> int:
    """Run it and print the result; several symbols share one account."""
    from quant_pipelines.cli.backtest_run import document_of, run_from_arguments, write_files
    from quant_pipelines.cli.backtest_store import store_backtests
    from quant_pipelines.reports.ruin import ruin_sentences

    runs = run_from_arguments(arguments)
    write_files(arguments, runs)
    document = document_of(runs[0])
    if ids := store_backtests(arguments, runs):
        document["backtest_id"] = ids[0]
    if arguments.compare:
        document["compared"] = [document_of(run) for run in runs[1:]]
    if arguments.json:
        print_document(document)
        return 0
    print(_text(document, [end for run in runs for end in ruin_sentences(run.result)]))
    if "books" in document:
        runs_shown = [document, *document.get("compared", [])]
        names = ("strategy", "symbol") if len(runs_shown) > 1 else ("symbol",)
        books = [
            {**book, "strategy": shown["strategy"], "final_equity": round(book["final_equity"], 2)}
            for shown in runs_shown
            for book in shown["books"]
        ]
        print(table(books, (*names, "share", "trades", "final_equity")))
    return 0


def _text(document: dict[str, Any], ends: Sequence[str]) -> str:
    parameters = ", ".join(f"{name}={value}" for name, value in document["parameters"].items())
    market = f"{', '.join(document['symbols'])} {document['timeframe']}"
    work = f"{document['bars']:,} {document['execution_timeframe']} bars in {document['seconds']:.3f} s"
    lines = [
        f"{document['strategy']} ({document['version']}) {parameters}",
        f"{market}, {document['start']} to {document['end']}, {work}",
        f"  {'final equity':<16} {document['final_equity']:,.2f} from {document['capital']:,.2f}",
    ]
    lines += [f"  {end}" for end in ends]
    others = document.get("compared", [])
    columns = [document["metrics"], *(other["metrics"] for other in others)]
    names = [document["strategy"], *(other["strategy"] for other in others)]
    if "holding" in document:
        columns, names = [*columns, document["holding"]], [*names, "holding"]
    lines.append(" " * 24 + "".join(f"{name[:15]:>16}" for name in names))
    for name in document["metrics"]:
        cells = "".join(f"{_number(column.get(name)):>16}" for column in columns)
        lines.append(f"  {name.replace('_', ' '):<22}{cells}")
    if document["unfilled_exits"]:
        lines.append(f"  exits that volume did not let fill: in {document['unfilled_exits']} bars")
    if document["not_modelled"]:
        lines.append(f"  not modelled: {', '.join(document['not_modelled'])}")
    lines += [f"  hole: {holes['text']}" for holes in document["holes"]]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
