"""Looks of the capital decision in PostgreSQL: they are added, never changed."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on

from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.optimize.capital import (
    CapitalLook,
    FamilySeat,
    PassedBefore,
    RecordDays,
    RecordResult,
    SaidByLook,
    Seating,
    Unit,
    decision_digest,
)
from quant_pipelines.optimize.capital.said import OF_LOOK, OF_RECORD
from quant_pipelines.optimize.decision import DecisionTerms
from quant_pipelines.optimize.evidence import CapitalEvidence, Freshness, fresh_evidence
from quant_pipelines.optimize.holding import HeldSpan, longest_holding_days, open_holdings
from quant_pipelines.store.acknowledged import is_vouched
from quant_pipelines.store.capital_evidence import OF_RESULT
from quant_pipelines.store.record_days import day_ms
from quant_pipelines.store.tables import (
    capital_looks,
    capital_results,
    optimizer_tasks,
    record_days,
)

_UNIT = ("strategy", "timeframe", "symbol")
_EPOCH = date(1970, 1, 1)
_CLOSED = text(
    "select record_id, (trade->>'entry_time')::bigint entered_ms, (trade->>'exit_time')::bigint left_ms "
    "from research.record_days, jsonb_array_elements(trades) as trade where record_id = any(:ids)"
)


class StoredLook(NamedTuple):
    """A look as it was taken: who was asked, and by what."""

    seating: Seating
    terms: DecisionTerms
    decision_digest: str | None
    alpha_spent: float


def newest_look(connection: Connection, exchange: str) -> dict[str, Any] | None:
    """Read the newest look, in ``records`` a row for each, those that passed first; None before the first."""
    looks = capital_looks.c
    query = select(capital_looks).where(looks.exchange == exchange).order_by(looks.look_day.desc()).limit(1)
    look = connection.execute(query).mappings().one_or_none()
    if look is None:
        return None
    results = capital_results.c
    shown = select(capital_results).where(results.look_id == look["id"])
    shown = shown.order_by(results.passed.desc(), results.pool, results.symbol, results.record_id)
    rows = connection.execute(shown).mappings()
    return {**look, "records": [dict(row) for row in rows]}


def counted_look(look: dict[str, Any], fresh: Freshness) -> dict[str, Any]:
    """Look as it counts on a day: what has become stale since has decided nothing any more."""
    records = []
    for row in look["records"]:
        said = CapitalEvidence(**{name: row[name] for name in OF_RESULT}, look_day=look["look_day"])
        now = fresh_evidence(said, fresh)
        counted = {name: getattr(now, name) for name in OF_RESULT}
        records.append(row | counted | {"passed": now.decision == "passed"})
    return look | {"records": records}


def newest_look_taken(connection: Connection, exchange: str) -> date | None:
    """Day of the newest look, of whichever year; None before the first."""
    looks = capital_looks.c
    query = select(func.max(looks.look_day)).where(looks.exchange == exchange)
    newest: date | None = connection.execute(query).scalar_one()
    return newest


def read_year(connection: Connection, exchange: str, year: int) -> tuple[StoredLook, ...]:
    """Read the looks of a calendar year, in order; who only waits for more days has no seat."""
    looks, results = capital_looks.c, capital_results.c
    query = (
        select(looks.look_day, looks.terms, looks.decision_digest, looks.alpha_spent)
        .add_columns(*(results[name] for name in FamilySeat._fields))
        .join(capital_results, results.look_id == looks.id)
        .where(looks.exchange == exchange, looks.year == year, results.decided_by != "too_slow")
        .order_by(looks.look_day, results.record_id)
    )
    found: dict[date, list[Row[Any]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.look_day, []).append(row)
    return tuple(_stored_look(day, rows) for day, rows in found.items())


def _stored_look(day: date, rows: Sequence[Row[Any]]) -> StoredLook:
    first = rows[0]
    seats = tuple(FamilySeat(*(getattr(row, name) for name in FamilySeat._fields)) for row in rows)
    terms = DecisionTerms(**first.terms)
    return StoredLook(Seating(day, seats), terms, first.decision_digest, first.alpha_spent)


def read_said(connection: Connection, exchange: str, since: date) -> tuple[SaidByLook, ...]:
    """Read what the looks from a day on have said, in order."""
    looks, results = capital_looks.c, capital_results.c
    here = (looks.exchange == exchange, looks.look_day >= since)
    said = connection.execute(select(capital_looks).where(*here).order_by(looks.look_day)).mappings().all()
    of_records = (
        select(capital_results)
        .join(capital_looks, looks.id == results.look_id)
        .where(*here, results.decided_by != "too_slow")
    )
    records: dict[int, dict[int, dict[str, Any]]] = {}
    for row in connection.execute(of_records).mappings():
        records.setdefault(row["look_id"], {})[row["record_id"]] = {name: row[name] for name in OF_RECORD}
    return tuple(
        SaidByLook(look["look_day"], {name: look[name] for name in OF_LOOK}, records.get(look["id"], {}))
        for look in said
    )


def passed_before(connection: Connection, exchange: str, day: date) -> PassedBefore:
    """Read what passed in looks before a day, but for what was acknowledged to be in doubt."""
    looks, results = capital_looks.c, capital_results.c
    earlier = (
        select(results.record_id, results.pool, results.passed, results.pool_passed)
        .join(capital_looks, looks.id == results.look_id)
        .where(looks.exchange == exchange, looks.look_day < day, results.passed | results.pool_passed)
        .add_columns(is_vouched().label("is_vouched"))
        .distinct()
    )
    rows = connection.execute(earlier).all()
    records = frozenset(row.record_id for row in rows if row.passed and row.is_vouched)
    of_pools = [row for row in rows if row.pool_passed]  # a record may pass by itself
    # A pool that held days nobody can vouch for did not pass by those of the others alone.
    doubted = frozenset(row.pool for row in of_pools if not row.is_vouched)
    return PassedBefore(records, frozenset(row.pool for row in of_pools) - doubted)


def all_records(connection: Connection, exchange: str) -> list[Unit]:
    """Read all records of an exchange, also those of texts and settings that nobody uses any more.

    What was searched in an archive has no part in it: no night adds to it.
    """
    tasks = optimizer_tasks.c
    query = (
        select(tasks.record_id, *(tasks[name] for name in _UNIT), tasks.strategy_version_id)
        .where(*_own(exchange))
        .distinct()
        .order_by(tasks.record_id)
    )
    return [
        Unit(
            row.record_id,
            row.strategy,
            row.timeframe,
            row.symbol,
            f"{row.strategy} {row.timeframe} v{row.strategy_version_id}",
        )
        for row in connection.execute(query)
    ]


def current_record_ids(connection: Connection, exchange: str) -> frozenset[int]:
    """Ids of the records of the newest version of each strategy, timeframe and symbol: those that grow."""
    tasks = optimizer_tasks.c
    newest = (
        select(*(tasks[name] for name in _UNIT), tasks.strategy_version_id)
        .where(*_own(exchange))
        .ext(distinct_on(*(tasks[name] for name in _UNIT)))
        .order_by(*(tasks[name] for name in _UNIT), tasks.window_end.desc(), tasks.id.desc())
        .subquery()
    )
    same = [newest.c[name] == tasks[name] for name in (*_UNIT, "strategy_version_id")]
    query = select(tasks.record_id).join(newest, and_(*same)).where(*_own(exchange))
    return frozenset(connection.execute(query).scalars())


def _own(exchange: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    tasks = optimizer_tasks.c
    return tasks.exchange == exchange, tasks.settings["job"]["archive"].astext.is_(None)


def read_record_days(
    connection: Connection, units: Collection[Unit], until: date, seats: Collection[FamilySeat] = ()
) -> dict[int, RecordDays]:
    """Read the tested days of records up to and with one, by record; those behind a gap only.

    Days before the symbol was listed are not tested: who chose it may have seen them.

    A record without days is left out. One that has a seat ends at a gap that came since: what looks have seen
    of it stays, and the days behind the gap wait for the next year's seat.
    """
    seated_since = {seat.record_id: seat.first_day for seat in seats}
    days = record_days.c

    def column(value: Any) -> Any:
        return func.array_agg(aggregate_order_by(value, days.day))

    query = (
        select(
            days.record_id,
            column(days.day - _EPOCH).label("days"),
            *(column(days[name]).label(name) for name in ("daily_return", "exposure", "holding_return")),
        )
        .where(days.record_id.in_([one.record_id for one in units]), days.day <= until, days.is_listed)
        .group_by(days.record_id)
    )
    rows = {row.record_id: row for row in connection.execute(query)}
    return {
        one.record_id: _days(one, rows[one.record_id], seated_since.get(one.record_id))
        for one in units
        if one.record_id in rows
    }


def holding_days(connection: Connection, record_ids: Collection[int], until: date) -> dict[int, int]:
    """Whole days of the longest holding of each record up to and with a day, at least 1."""
    ids, days = [*record_ids], record_days.c
    held: dict[int, list[HeldSpan]] = {number: [] for number in ids}
    for row in connection.execute(_CLOSED, {"ids": ids}):
        held[row.record_id].append(HeldSpan(row.entered_ms, row.left_ms))
    carried = select(days.record_id, days.carried).where(days.record_id.in_(ids), days.carried.is_not(None))
    for row in connection.execute(carried):
        held[row.record_id] += open_holdings(row.carried)
    end_ms = day_ms(until) + DAY_MS
    return {number: longest_holding_days(holdings, end_ms) for number, holdings in held.items()}


def save_look(connection: Connection, exchange: str, look: CapitalLook, *, spa_p: float) -> None:
    """Add a look and what it said of each record, in the caller's transaction: both or nothing."""
    row = {
        "exchange": exchange,
        "year": look.look.year,
        "look_day": look.seating.look_day,
        "first_day": look.seating.look_day - timedelta(days=look.look.n_days - 1),
        "n_days": look.look.n_days,
        "terms": look.terms._asdict(),
        "family_size": look.n_asked,
        "pools": look.n_pools,
        "block": look.block,
        "symbol_block": look.symbol_block,
        "alpha_spent": look.alpha_spent,
        "critical": look.critical,
        "spa_p": spa_p,
        "created_at": utc_now(),
        "decision_digest": decision_digest(),
    }
    added = insert(capital_looks).values(row).returning(capital_looks.c.id)
    look_id = connection.execute(added).scalar_one()
    rows = [_result_row(one) | {"look_id": look_id} for one in look.results]
    connection.execute(insert(capital_results), rows)


def _result_row(result: RecordResult) -> dict[str, Any]:
    unit, seat, evidence = result.unit, result.seat, result.evidence
    return {
        **unit._asdict(),
        "member_id": seat.member_id,
        "first_day": seat.first_day,
        "is_beyond_tested": result.is_beyond_tested,
        "passed": evidence.decision == "passed",
        "pool_passed": result.pool_passed,
        **{name: getattr(evidence, name) for name in OF_RESULT},
    }


def _days(unit: Unit, row: Row[Any], seated_since: date | None) -> RecordDays:
    numbers = np.array(row.days)
    begins = [*np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 2) != 1).tolist(), numbers.size]
    run = len(begins) - 2
    if seated_since is not None:
        run = int(np.searchsorted(numbers[begins[:-1]], (seated_since - _EPOCH).days, side="right")) - 1
    begin, end = begins[max(run, 0)], begins[max(run, 0) + 1]
    parts = (row.daily_return, row.exposure, row.holding_return)
    values = (np.array(part[begin:end], dtype=np.float64) for part in parts)
    return RecordDays(unit, _EPOCH + timedelta(days=int(numbers[begin])), *values)
