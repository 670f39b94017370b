"""``quant runner``: how the live runner is, the switch that stops its decisions, and the one that closes."""

import argparse
from typing import Any

from quant_pipelines.cli.operator import decide, opened
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.operations.verbs import RUNNER

_KINDS = {verb.name: verb for verb in RUNNER}


def run(arguments: argparse.Namespace) -> int:
    """Show, halt, resume or flatten; what changes something without a reason is refused."""
    if arguments.action != "status":
        return decide(_KINDS[arguments.action], arguments, scope=arguments.scope)
    from quant_pipelines.core.clock import system_clock_ms
    from quant_pipelines.operations.halts import runner_status

    with opened(arguments) as (engine, _):
        status = runner_status(engine, system_clock_ms)
    print_answer(arguments, status, _text(status))
    return 0


def _text(status: dict[str, Any]) -> str:
    expiries = status["limit_expiries"]
    limits = [
        {"scope": scope, "limit": name, "value": value, "expires": expiries.get(scope, {}).get(name, "")}
        for scope, values in sorted(status["limits"].items())
        for name, value in sorted(values.items())
    ]
    unit = ("id", "strategy", "symbol", "timeframe")
    columns = (*unit, "state", "position", "equity", "halted_by", "reduced_by", "waits_for")
    lines = [
        f"runner {status['state']}, epoch {status['epoch']}, last sign of life {status['last_sign_of_life']}",
        *(f"AWAY  {outage['sentence']}" for outage in status["outages"]),
        "deployments",
        table(status["deployments"], columns),
        "halts",
        table(status["halts"], ("source", "message", "at")),
        "limits",
        table(limits, ("scope", "limit", "value", "expires")),
        "proposals",
        table(status["proposals"], ("subject", "source", "target", "proposer", "reason", "expires_at")),
    ]
    return "\n".join(lines)
