"""``quant history``: stages and capital of a deployment, and who challenged it or whom it challenges."""

import argparse
from typing import Any

from quant_pipelines.cli.operator import opened
from quant_pipelines.cli.output import print_answer


def run(arguments: argparse.Namespace) -> int:
    """Print the history."""
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.deployment_history import deployment_history

    with opened(arguments) as (engine, settings):
        document = deployment_history(
            engine, settings.ladder, system_clock_ms, deployment_id=arguments.deployment_id
        )
    print_answer(arguments, document, _text(document))
    return 0


def _text(document: dict[str, Any]) -> str:
    unit = f"{document['strategy']} {document['symbol']} {document['timeframe']}"
    lines = [f"deployment:{document['deployment']} {unit}: {document['stage']}, {document['capital']:f}"]
    if document["proves"]:
        lines.append(f"  {document['proves']}")
    if own := document["challenge"]:
        told = own["outcome"] or "in flight"
        lines.append(f"  challenges deployment:{own['incumbent_id']} with new {own['kind']}: {told}")
    if now := document["now"]:
        lines += [f"    {name:<20} {value}" for name, value in now.items() if value not in (None, [], "")]
    for one in document["challenged_by"]:
        by, told = one["canary_id"] or one["first_id"], one["outcome"] or "in flight"
        why = f": {one['reason']}" if one["reason"] else ""
        lines.append(f"  challenged by deployment:{by} ({one['kind']}): {told}{why}")
    for change in document["capital_changes"]:
        lines.append(f"  {change['at']:%Y-%m-%d %H:%M} capital {change['capital']:f}: {change['reason']}")
    for step in document["steps"]:
        lines.append(f"  {step['at']:%Y-%m-%d %H:%M} {step['action']} by {step['actor']}")
    return "\n".join(lines)
