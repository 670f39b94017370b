"""Limits of a controlled deployment: what a canary may do at most while it is one, as rows of risk limits.

Its instrument and its venue are those of its book, which trades no other; the runner's risk rules keep the
rest. Rows that an operator set are the operator's: they stay.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection

from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.store.deployments import end_limits, limits_of_scope, set_limit
from quant_pipelines.store.limit_rows import copy_limits, limit_owners

OWNER: Final = "controlled deployment"
_REASON: Final = "a canary is a controlled deployment"


def control(
    connection: Connection, deployment_id: int, ladder: LadderSettings, capital: Decimal, now: datetime
) -> None:
    """Store the limits of a canary: its largest position, so its largest order too, and its orders a day."""
    values = {
        "max_position_notional": capital * Decimal(str(ladder.canary_position_fraction)),
        "max_orders_per_day": Decimal(ladder.canary_orders_per_day),
    }
    scope = f"deployment:{deployment_id}"
    kept = {name for name, owner in limit_owners(connection, scope).items() if owner != OWNER}
    for name in values.keys() - kept:
        row = {"scope": scope, "name": name, "value": values[name], "reason": _REASON}
        set_limit(connection, row | {"owner": OWNER, "updated_by": OWNER, "updated_at": now})


def keep_limits(connection: Connection, deployment_id: int, to_deployment_id: int) -> None:
    """Let what operators allow a deployment hold the one that takes its place, which may have its own."""
    scopes = (f"deployment:{one}" for one in (deployment_id, to_deployment_id))
    copy_limits(connection, *scopes, besides=OWNER)


def release(connection: Connection, deployment_id: int) -> None:
    """Take the limits of a canary away: it has all of the capital, or trades no more."""
    end_limits(connection, f"deployment:{deployment_id}", OWNER)


def limits_shown(connection: Connection, deployment_id: int, symbol: str, venue: str) -> dict[str, Any]:
    """Show what a deployment may do at most; an order turns a position around at the most.

    Returns
    -------
    dict
        ``instruments``, ``venues``, and the limits of its scope by name; with a largest position also
        ``largest_order``, twice of it (quote).
    """
    known = limits_of_scope(connection, f"deployment:{deployment_id}")
    shown: dict[str, Any] = {"instruments": symbol.split("+"), "venues": [venue], **known}
    position = known.get("max_position_notional")
    return shown if position is None else shown | {"largest_order": 2 * position}
