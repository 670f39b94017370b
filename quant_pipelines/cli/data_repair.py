"""``quant data repair``: asks the exchange again about what the checks found."""

import argparse
import asyncio
from datetime import date
from typing import TYPE_CHECKING, Any

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.cli.parse import moment
from quant_pipelines.cli.progress import ProgressLine, waiting
from quant_pipelines.core.series import Days
from quant_pipelines.core.symbols import require_symbol
from quant_pipelines.core.timeframes import from_ms

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from quant_pipelines.core.settings import Settings
    from quant_pipelines.operations.repair import PortionReport, RepairPlan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "symbols", metavar="SYMBOL", type=require_symbol, nargs="*", help="only these (default: the universe)"
    )
    parser.add_argument("--from", dest="start", type=moment, metavar="DAY", help="first UTC day")
    parser.add_argument("--to", dest="end", type=moment, metavar="DAY", help="last UTC day")
    parser.add_argument("--dry-run", action="store_true", help="say what would be asked, and ask nothing")
    add_home(parser)


def run(arguments: argparse.Namespace) -> int:
    """Repair; exit code 1 when the exchange was away, or a finding that blocks stands."""
    from quant_pipelines.marketdata.checks import BLOCK
    from quant_pipelines.operations.repair import plan_repairs, to_documents
    from quant_pipelines.store.findings import open_findings

    with opened(arguments) as (engine, settings):
        exchange = settings.exchange.id
        scope: dict[str, Any] = {"symbols": arguments.symbols, "days": _days(arguments)}
        plan = plan_repairs(engine, exchange, **scope)
        with waiting("repair", arguments, total=len(plan.portions)) as progress:
            reports = [] if arguments.dry_run else _repair(engine, settings, plan, progress)
        standing = open_findings(engine, exchange, **scope)
    names = ("symbol", "timeframe", "day", "check_name", "severity", "count")
    document = {
        "planned": [_planned(portion) for portion in plan.portions],
        "left": plan.left,
        "repaired": to_documents(reports),
        "standing": [{name: row[name] for name in names} for row in standing],
    }
    print_answer(arguments, document, _text(document, is_dry=arguments.dry_run))
    blocked = any(row["severity"] == BLOCK for row in standing)
    return int(any(report.error for report in reports) or (blocked and not arguments.dry_run))


def _repair(
    engine: "Engine", settings: "Settings", plan: "RepairPlan", progress: ProgressLine
) -> "list[PortionReport]":
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.exchange import CcxtSource
    from quant_pipelines.marketdata.ingest import Ingestion
    from quant_pipelines.operations.repair import carry_out_repairs

    async def session() -> "list[PortionReport]":
        async with CcxtSource(settings.exchange) as source:
            market = Ingestion(source, engine, settings.exchange.id)
            return await carry_out_repairs(market, plan, system_clock_ms, progress.advance)

    return asyncio.run(session()) if plan.portions else []


def _days(arguments: argparse.Namespace) -> Days | None:
    if arguments.start is None and arguments.end is None:
        return None
    first = date.min if arguments.start is None else from_ms(arguments.start).date()
    return Days(first, date.max if arguments.end is None else from_ms(arguments.end).date())


def _planned(portion: Any) -> dict[str, Any]:
    return {
        "symbol": portion.symbol,
        "what": portion.what,
        "first_day": portion.days[0],
        "last_day": portion.days[-1],
        "findings": len(portion.findings),
    }


def _text(document: dict[str, Any], *, is_dry: bool) -> str:
    days = ("symbol", "what", "first_day", "last_day", "findings")
    if is_dry:
        shown = table(document["planned"], days)
        return f"{len(document['planned'])} portions would be repaired, {document['left']} left\n{shown}"
    did = ("ended", "standing", "inserted", "updated", "rolled_up", "never_existed", "confirmed", "error")
    shown = table(document["repaired"], (*days, *did))
    return f"{len(document['repaired'])} portions done, {document['left']} left\n{shown}"
