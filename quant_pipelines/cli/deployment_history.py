"""``quant history``: versions, luck, stages and capital of a deployment, and who challenged it."""

import argparse
from typing import Any

from quant_pipelines.cli.operator import opened
from quant_pipelines.cli.output import print_answer


def run(arguments: argparse.Namespace) -> int:
    """Print the history."""
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.deployment_history import deployment_history

    with opened(arguments) as (engine, settings):
        asked = {"deployment_id": arguments.deployment_id, "diff": arguments.diff}
        document = deployment_history(engine, settings.ladder, system_clock_ms, **asked)
    print_answer(arguments, document, _text(document))
    return 0


def _text(document: dict[str, Any]) -> str:
    unit = f"{document['strategy']} {document['symbol']} {document['timeframe']}"
    head = f"deployment:{document['deployment']} {unit}: {document['stage']}, {document['capital']:f}"
    lines = [head, *_known(document), *map(_version, document["versions"]), *_diff(document["diff"])]
    lines += _challenges(document)
    for change in document["capital_changes"]:
        lines.append(f"  {change['at']:%Y-%m-%d %H:%M} capital {change['capital']:f}: {change['reason']}")
    for step in document["steps"]:
        lines.append(f"  {step['at']:%Y-%m-%d %H:%M} {step['action']} by {step['actor']}")
    return "\n".join(lines)


def _known(document: dict[str, Any]) -> list[str]:
    """Lines of what holds now: pin, luck, record, and what its stage can prove."""
    luck = document["luck"] or {}
    told = {"pinned": document["pinned"], "luck": luck.get("sentence"), "its record": document["record"]}
    told["limits"] = ", ".join(_limit(name, value) for name, value in document["limits"].items())
    proves = [f"  {document['proves']}"] if document["proves"] else []
    return [f"  {name}: {sentence}" for name, sentence in told.items() if sentence] + proves


def _limit(name: str, value: Any) -> str:
    shown = " ".join(value) if isinstance(value, list) else f"{value.normalize():f}"
    return f"{name} {shown}"


def _diff(diff: dict[str, Any] | None) -> list[str]:
    if diff is None:
        return []
    head = f"  from version {diff['from']} to {diff['to']}: {diff['sentence']}"
    return [head, *(f"    {line}" for line in diff["text"])]


def _challenges(document: dict[str, Any]) -> list[str]:
    """Lines of whom it challenges, and of who challenged it."""
    lines = []
    if own := document["challenge"]:
        told = own["outcome"] or "in flight"
        lines.append(f"  challenges deployment:{own['incumbent_id']} with new {own['kind']}: {told}")
    if now := document["now"]:
        lines += [f"    {name:<20} {value}" for name, value in now.items() if value not in (None, [], "")]
    for one in document["challenged_by"]:
        by, told = one["canary_id"] or one["first_id"], one["outcome"] or "in flight"
        why = f": {one['reason']}" if one["reason"] else ""
        lines.append(f"  challenged by deployment:{by} ({one['kind']}): {told}{why}")
    return lines


def _version(one: dict[str, Any]) -> str:
    """Line of a version: when, what it is, how it began and what changed with it."""
    books = ", ".join(map(str, one["deployments"]))
    until = f"{one['until']:%Y-%m-%d %H:%M}" if one["until"] else "now"
    mark = " (this one)" if one["is_own"] else ""
    values = ", ".join(f"{name} {value}" for name, value in one["parameters"].items())
    changed = f"; changed: {one['changed']}" if one["changed"] else ""
    return (
        f"  version {one['number']}{mark} {one['since']:%Y-%m-%d %H:%M} to {until}, text "
        f"{one['version'][:8]}, {values}, deployment {books}: {one['how']}{changed}"
    )
