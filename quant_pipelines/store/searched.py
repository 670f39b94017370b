"""When each unit was searched last."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.dialects.postgresql import insert

from quant_pipelines.core.clock import utc_now
from quant_pipelines.store.tables import searched_units


class SearchUnit(NamedTuple):
    """Strategy, symbol or name of an instrument set, and timeframe."""

    strategy: str
    symbol: str
    timeframe: str


class Round(NamedTuple):
    """Searches that share an exchange and a depth: times as many trials as the settings ask for."""

    exchange: str
    depth: int = 1


def window_ends(connection: Connection, round_: Round) -> dict[SearchUnit, datetime]:
    """End of the newest window that each unit was searched on; that search may have failed."""
    columns = (searched_units.c[name] for name in (*SearchUnit._fields, "window_end"))
    rows = connection.execute(select(*columns).where(*_of(round_)))
    return {SearchUnit(*key): end for *key, end in rows}


def save_searched(connection: Connection, round_: Round, unit: SearchUnit, window_end: datetime) -> None:
    """Store a unit's newest search."""
    key = unit._asdict() | round_._asdict()
    told = {"window_end": window_end, "searched_at": utc_now()}
    row = insert(searched_units).values(key | told)
    is_newer = searched_units.c.window_end <= row.excluded.window_end
    connection.execute(row.on_conflict_do_update(index_elements=list(key), set_=told, where=is_newer))


def _of(round_: Round) -> list[ColumnElement[bool]]:
    return [searched_units.c[name] == value for name, value in round_._asdict().items()]
