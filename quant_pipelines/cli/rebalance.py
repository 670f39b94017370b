"""``quant rebalance``: share capital out, show what would be done, or take it back."""

import argparse
from typing import TYPE_CHECKING, Any

from quant_pipelines.cli.operator import decide, opened
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.cli.parse import UsageError
from quant_pipelines.operations.allocation_verbs import REBALANCE

if TYPE_CHECKING:
    from quant_pipelines.operations.allocation_plan import DraftedPlan

_COLUMNS = ("deployment_id", "actual", "target", "weight", "capital_before", "capital", "bound", "reason")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out; with ``--dry-run`` only show it. Exit code 1 where no account can be planned."""
    if arguments.dry_run:
        return _show(arguments)
    if not arguments.reason:
        raise UsageError("rebalance names no reason; expected --reason (decisions are signed), or --dry-run")
    (verb,) = (kind for kind in REBALANCE.kinds if kind.name == arguments.action)
    return decide(verb, arguments)


def _show(arguments: argparse.Namespace) -> int:
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.rebalance import drafts

    with opened(arguments) as (engine, settings):
        found = drafts(engine, settings, system_clock_ms)
    documents = [one.to_document() for one in found]
    told = "\n".join(_text(one) for one in found) or "no account has a deployment"
    print_answer(arguments, {"plans": documents}, told)
    return 1 if all(one.is_refused for one in found) else 0


def _text(draft: "DraftedPlan") -> str:
    rows: list[dict[str, Any]] = [
        row | {name: f"{row[name]:.2%}" for name in ("actual", "target", "weight")} for row in draft.rows
    ]
    return "\n".join([draft.sentence, *([table(rows, _COLUMNS)] if rows else [])])
