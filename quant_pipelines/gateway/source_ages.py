"""How old the values of each source are, judged by the table that the console judges them by."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection

from quant_pipelines.core.stages import LADDER
from quant_pipelines.core.timeframes import timeframe_ms
from quant_pipelines.gateway.console.freshness import Age, AgeState, age_of
from quant_pipelines.operations.outages import RUNNER
from quant_pipelines.store import shown_rows
from quant_pipelines.store.allocation import newest_plans
from quant_pipelines.store.market import newest_scan_at
from quant_pipelines.store.signs_of_life import heard_at, newest_minute_at
from quant_pipelines.store.views import current_deployments, newest_scorecards
from quant_pipelines.telemetry.registry import Sample

_STATES: Final[tuple[AgeState, ...]] = ("fresh", "late", "stale", "unknown")
"""From good to bad."""
_MINUTE: Final = timedelta(minutes=1)


class SourceValue(NamedTuple):
    """A value of a source: when it was true, and the length of the bars that bring it, seconds."""

    source: str
    at: datetime | None
    step_seconds: float = 0.0


def source_ages(connection: Connection, exchange: str, now: datetime) -> Iterator[Sample]:
    """Tell age and state of the worst value of each source that has any."""
    return age_samples(_values(connection, exchange), now)


def age_samples(values: Iterable[SourceValue], now: datetime) -> Iterator[Sample]:
    """Judge values; pure. A source is as bad as the worst of its values, and as old as the oldest."""
    by_source: Mapping[str, list[Age]] = defaultdict(list)
    for value in values:
        age = age_of(value.source, value.at, now, step_seconds=value.step_seconds)
        by_source[value.source].append(age)
    for source, ages in by_source.items():
        worst = max((age.state for age in ages), key=_STATES.index)
        yield Sample("quant_source_age_seconds", max(age.seconds for age in ages), (source,))
        for state in _STATES:
            yield Sample("quant_source_state", float(state == worst), (source, state))


def _values(connection: Connection, exchange: str) -> Iterator[SourceValue]:
    yield SourceValue("runner", heard_at(connection, RUNNER))
    minute = newest_minute_at(connection)
    yield SourceValue("market", minute and minute + _MINUTE)
    yield SourceValue("scan", newest_scan_at(connection, exchange))
    traded = {row["id"]: row for row in current_deployments(connection) if row["stage"] in LADDER}
    for row in traded.values():
        yield SourceValue("book", row["equity_at"], timeframe_ms(row["timeframe"]) / 1000)
    yield from (SourceValue("funds", row["at"]) for row in shown_rows.newest_balances(connection))
    yield from (SourceValue("plan", row["made_at"]) for row in newest_plans(connection))
    cards = (row for row in newest_scorecards(connection) if row["deployment_id"] in traded)
    yield from (SourceValue("scorecard", row["scored_at"]) for row in cards)
    yield from (
        SourceValue("parity", row["compared_at"]) for row in shown_rows.newest_parity(connection, limit=1)
    )
