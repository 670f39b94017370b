"""``quant alerts``: what people were told, what is still to be told, who knows it, and whether it arrives."""

import argparse
from typing import Any

from quant_pipelines.cli.operator import decide, opened
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.cli.parse import UsageError
from quant_pipelines.operations.people_verbs import ALERTS

_KINDS = {verb.name: verb for verb in ALERTS}
_COLUMNS = ("id", "at", "severity", "source", "message", "state", "told")


def run(arguments: argparse.Namespace) -> int:
    """List, acknowledge or test; exit code 1 if a channel did not take the test."""
    if arguments.action == "ack":
        if arguments.alert_id is None:
            raise UsageError("ack names no alert; expected an id that quant alerts lists")
        return decide(_KINDS["ack"], arguments, alert_id=arguments.alert_id)
    if arguments.action == "test":
        arguments.reason = arguments.reason or "test of the channels"
        from quant_pipelines.core.secret_variables import CHANNELS_VARIABLE

        return decide(_KINDS["test"], arguments, secrets={CHANNELS_VARIABLE})
    from quant_pipelines.operations.alerts import list_alerts

    with opened(arguments) as (engine, _):
        found = list_alerts(engine, only_open=arguments.only_open)
    rows = [row | {"at": f"{row['at']:%Y-%m-%d %H:%M:%S}", **_words(row)} for row in found]
    print_answer(arguments, {"alerts": found}, table(rows, _COLUMNS))
    return 0


def _words(row: dict[str, Any]) -> dict[str, str]:
    state = "over" if row["resolved_at"] else "open"
    if row["acknowledged_by"]:
        state = f"known to {row['acknowledged_by']}"
    told = [
        f"{one['channel']} {one['state']}{': ' + one['error'] if one['error'] else ''}"
        for one in row["deliveries"]
    ]
    return {"state": state, "told": ", ".join(told) or "-"}
