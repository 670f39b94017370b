"""What the running stack finds away, read from the runner's sign of life."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from quant_pipelines.store.heartbeats import Heartbeat, read_heartbeats

RUNNER = "live_runner"
FRESH_SECONDS = 15.0
"""Three missed heartbeats of the default interval; an older state says nothing about now."""


def is_fresh(beat: Heartbeat | None, now: datetime) -> bool:
    """Whether a sign of life still says how its service is."""
    return beat is not None and (now - beat.at).total_seconds() < FRESH_SECONDS


def standing_outages(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """Read what is away now: ``what``, ``since`` and ``sentence`` of each; a silent runner is one itself."""
    beat = read_heartbeats(connection).get(RUNNER)
    if beat is None:
        return []
    if is_fresh(beat, now):
        return list(beat.detail.get("outages", []))
    sentence = f"the runner has given no sign of life since {beat.at:%Y-%m-%d %H:%M:%S} UTC"
    return [{"what": "runner", "since": beat.at.isoformat(), "sentence": sentence}]


def database_away(error: Exception) -> dict[str, Any]:
    """Outage of a database that did not answer just now."""
    return {"what": "database", "since": None, "sentence": f"the database is away: {error}"}
