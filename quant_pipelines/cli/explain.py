"""``quant explain``: the chain behind an order or a trade, or why there was none at a bar."""

import argparse
from typing import Any

from quant_pipelines.cli.operator import opened
from quant_pipelines.cli.output import print_answer


def run(arguments: argparse.Namespace) -> int:
    """Print the chain."""
    from quant_pipelines.core.timeframes import from_ms
    from quant_pipelines.operations.explain import explain_bar, explain_order

    name, at_ms = arguments.what
    with opened(arguments) as (engine, settings):
        if at_ms is None:
            document = explain_order(engine, name)
        else:
            document = explain_bar(engine, settings.exchange.id, name, from_ms(at_ms))
    print_answer(arguments, document, _text(document))
    return 0


def _text(document: dict[str, Any]) -> str:
    lines = [document["answer"]]
    for row in document.get("deployments", [document] if "deployment" in document else []):
        deployment = row["deployment"]
        unit = f"{deployment['strategy']} {deployment['symbol']} {deployment['timeframe']}"
        lines.append(f"  deployment:{deployment['id']} {unit} ({deployment['stage']}): {row['answer']}")
        if row["signal"]:
            steps = row["signal"]["decision"].items()
            said = ((name, value) for name, value in steps if value is not None)
            lines += [f"    {name:<18} {value}" for name, value in said if not isinstance(value, dict)]
    for fill in document.get("fills", []):
        lines.append(f"  fill {fill['trade_id']} {fill['side']} {fill['quantity']} at {fill['price']}")
    if cost := document.get("cost"):
        told = f"{cost['shortfall_bps']:.2f} bps against {cost['arrival_price']:f}"
        lines.append(f"  cost {told}, fees {cost['fee_bps']:.2f} bps")
    return "\n".join(lines)
