"""``quant status``: what runs, what is deployed, what it earned."""

import argparse
import sys
from typing import Any

from quant_pipelines.cli.operator import home_of
from quant_pipelines.cli.output import print_document, table

_FUNDS = ("account", "wallet", "unrealized", "available", "margin_usage", "unit_value")


def run(arguments: argparse.Namespace) -> int:
    """Print the status; exit code 1 when nothing runs there."""
    from quant_pipelines.operations.status import stack_status
    from quant_pipelines.settings import load_settings
    from quant_pipelines.stack.home import Home

    folder = home_of(arguments)
    status = stack_status(Home(folder), load_settings())
    if arguments.json:
        print_document(status)
    elif status["running"]:
        print(_text(status))
    if not status["running"]:
        mend = "start it with 'quant up'; without it work 'quant kill --direct' and 'quant doctor'"
        print(f"quant: nothing runs on home {str(folder)!r}; {mend}", file=sys.stderr)
        return 1
    return 0


def _text(status: dict[str, Any]) -> str:
    columns = (
        "id",
        "strategy",
        "version",
        "symbols",
        "timeframe",
        "stage",
        "capital",
        "equity",
        "position",
        "shortfall_bps",
    )
    money = f"fills {_shown(status['fills'])}, equity {_shown(status['equity'])}"
    lines = [
        f"home {status['home']}, UI {status['ui']}, market from {status['venue']}",
        "services",
        table(status["services"], ("name", "state", "since", "address", "metrics", "restarts")),
        "deployments",
        table(status["deployments"], columns),
        *(f"AWAY  {outage['sentence']}" for outage in status["outages"]),
        f"trading state {status['trading_state'] or '-'}, {money}",
        "funds",
        table(status["funds"], _FUNDS),
        *_alerts(status["alerts"]),
        "requests",
        table(status["requests"], ("exchange", "egress", "used", "limit", "banned_until", "waits")),
        "last runs",
        table(status["last_runs"], ("job", "status", "started", "ended")),
    ]
    return "\n".join(lines)


def _alerts(alerts: dict[str, Any] | None) -> list[str]:
    if not alerts or not alerts["open"]:
        return []
    return [f"ALERTS  {alerts['open']} open (quant alerts --open), the newest: {alerts['newest']}"]


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:,.2f}".removesuffix(".00")
