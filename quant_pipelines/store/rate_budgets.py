"""The request budget that all processes share, one row for each address at each exchange.

A file lock would serve one host only, and an advisory lock alone keeps no state; a row that is locked for the
moment of a decision survives everybody, and can be shown. Who sends takes a grant of a twentieth of the
window's allowance, so the row moves a few times a minute, not with every request.
"""

import asyncio
import socket
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.postgresql import insert

from quant_pipelines.core.rate_budget import Claim, Grant, RateState, decide
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import rate_budgets

_columns = rate_budgets.c


class PostgresLedger:
    """A ``RateLedger`` in the product database.

    Parameters
    ----------
    engine
        Product database.
    exchange
        ccxt id.
    egress
        Who shares an address at the exchange; empty means this host.
    """

    def __init__(self, engine: Engine, exchange: str, egress: str = "") -> None:
        self._engine = engine
        self._key = {"exchange": exchange, "egress": egress or socket.gethostname()}

    async def claim(self, claim: Claim, now_ms: int) -> Grant:
        """See ``RateLedger``."""
        return await asyncio.to_thread(self.claim_now, claim, now_ms)

    def claim_now(self, claim: Claim, now_ms: int) -> Grant:
        """Decide about a claim while the row is locked."""
        here = (_columns.exchange == self._key["exchange"]) & (_columns.egress == self._key["egress"])
        first = {**self._key, "window_number": 0, "used": 0, "waits": 0}
        with transaction(self._engine) as connection:
            row = connection.execute(select(rate_budgets).where(here).with_for_update()).one_or_none()
            if row is None:
                connection.execute(insert(rate_budgets).values(first).on_conflict_do_nothing())
                row = connection.execute(select(rate_budgets).where(here).with_for_update()).one()
            before = _state(row)
            grant = decide(before, claim, now_ms)
            if grant.state != before:
                connection.execute(update(rate_budgets).where(here).values(_values(grant.state)))
        return grant


def read_rate_budgets(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """Read what is used of each allowance, for status pages.

    Returns
    -------
    list of dict
        ``exchange``, ``egress``, ``used`` and ``limit`` (request weight in the newest window that somebody
        used), ``banned_until`` (None unless it lies after ``now``) and ``waits`` (a count, ever).
    """
    rows = connection.execute(select(rate_budgets).order_by(_columns.exchange, _columns.egress))
    return [
        {
            "exchange": row.exchange,
            "egress": row.egress,
            "used": row.used,
            "limit": row.weight_limit,
            "banned_until": row.banned_until if row.banned_until and row.banned_until > now else None,
            "waits": row.waits,
        }
        for row in rows
    ]


def _state(row: Any) -> RateState:
    banned_until = to_ms(row.banned_until) if row.banned_until else 0
    return RateState(row.window_number, row.used, row.weight_limit, banned_until, row.waits)


def _values(state: RateState) -> dict[str, Any]:
    return {
        "window_number": state.window,
        "used": state.used,
        "weight_limit": state.limit,
        "banned_until": from_ms(state.banned_until_ms) if state.banned_until_ms else None,
        "waits": state.waits,
    }
