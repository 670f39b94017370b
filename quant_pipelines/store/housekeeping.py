"""Deletes rows that nobody asks for any more, in batches; what was decided or traded is never among them.

Bars, sampled trades and books go by whole months, see :mod:`quant_pipelines.store.retention`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from sqlalchemy import Engine, text

from quant_pipelines.core.retention_settings import RetentionSettings
from quant_pipelines.store.engine import transaction

_BATCH = 10_000


class Expiry(NamedTuple):
    """When rows of a table go.

    Parameters
    ----------
    days
        Setting that says after how many days.
    condition
        What is true of a row that goes, as SQL about ``one`` with ``:before``.
    """

    days: Literal["scores_days", "work_days"]
    condition: str


EXPIRIES: Final[Mapping[str, Expiry]] = {
    "ops.logins": Expiry("work_days", "coalesce(one.ended_at, one.ends_at) < :before"),
    "ops.alert_deliveries": Expiry(
        "work_days",
        "one.state not in ('waiting', 'sending') and coalesce(one.delivered_at, one.due_at) < :before",
    ),
    "research.search_rounds": Expiry("work_days", "one.asked_until < :before and one.begin_until < :before"),
    "trading.performance_metrics": Expiry(
        "scores_days",
        "one.scored_at < :before and exists (select from trading.performance_metrics as later "
        "where later.deployment_id = one.deployment_id and later.scored_at > one.scored_at "
        "and later.scored_at < date_trunc('day', one.scored_at, 'UTC') + interval '1 day')",
    ),
}
"""Tables to when their rows go; units of a search go with its round."""


def delete_expired(engine: Engine, settings: RetentionSettings, now: datetime) -> dict[str, int]:
    """Delete what has expired, so many rows at a time that nobody waits for it.

    Parameters
    ----------
    engine
        Product database.
    settings
        How many days are kept; 0 keeps everything.
    now
        UTC.

    Returns
    -------
    dict
        Table to the rows that went.

    Raises
    ------
    StoreError
        If the database does not answer; the batches before stay deleted.
    """
    found = {}
    for table, expiry in EXPIRIES.items():
        days = getattr(settings, expiry.days)
        found[table] = _delete(engine, table, expiry.condition, now - timedelta(days=days)) if days else 0
    return found


def _delete(engine: Engine, table: str, condition: str, before: datetime) -> int:
    batch = f"select one.ctid from {table} as one where {condition} limit {_BATCH}"  # noqa: S608 - our own words
    query = text(f"delete from {table} where ctid = any(array({batch}))")  # noqa: S608 - our own words
    gone = 0
    while True:
        with transaction(engine) as connection:
            deleted = connection.execute(query, {"before": before}).rowcount
        gone += deleted
        if deleted < _BATCH:
            return gone
