"""The queue of searches in PostgreSQL: a worker leases a unit, beats while it works, and leaves an answer.

A lease that is not beaten expires, and another worker takes the unit. Nothing here makes work happen once:
what a unit finds is stored under keys of its own, so that it may be done twice.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from sqlalchemy import Connection, Engine, insert, select, text

from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import search_rounds, search_units

LEASE_SECONDS: Final = 30.0
"""How long a lease lasts that is not beaten."""
BEATS: Final = 3
"""So many beats make a lease: one every 10 s."""
MAX_LEASES: Final = 5
"""A unit whose workers were lost so often is not tried again: it may be what they were lost by."""

Nothing: TypeAlias = Literal["wait", "over"]
"""Why there is no unit to lease: others are at the last ones, or nothing is begun any more."""


class Release(NamedTuple):
    """What decides whether two processes find the same: any difference may show in a result.

    ``libraries`` are what is computed with, each by its name and version, such as ``numpy 2.4.1``.
    """

    product_version: str
    kernel_digest: str
    schema_revision: str
    libraries: tuple[str, ...] = ()


class RoundTerms(NamedTuple):
    """What workers must be, and may take: megabytes of address space, minutes for a unit."""

    release: Release
    megabytes: int
    job_minutes: float
    lease_seconds: float = LEASE_SECONDS

    @property
    def beat_seconds(self) -> float:
        """Between two beats."""
        return self.lease_seconds / BEATS


class QueuedUnit(NamedTuple):
    """Piece of work; see the columns of ``research.search_units``."""

    key: str
    job_key: str
    part: int | None
    work: dict[str, Any]


class UnitLease(NamedTuple):
    """Right to a unit until it is not beaten for so long; how often it was leased tells two of them apart."""

    round_id: str
    unit_key: str
    worker: str
    leases: int


class Leased(NamedTuple):
    """Unit that was taken."""

    lease: UnitLease
    work: dict[str, Any]


class RoundProgress(NamedTuple):
    """How a round stands.

    Parameters
    ----------
    waiting, held
        Units that nobody holds, and those whose lease is beaten.
    may_begin
        Whether there is time for another one.
    begun
        Keys of the whole jobs that were begun.
    """

    waiting: int
    held: int
    may_begin: bool
    begun: frozenset[str]

    @property
    def is_over(self) -> bool:
        """Whether nothing comes any more."""
        return not self.held and not (self.waiting and self.may_begin)


def open_round(engine: Engine, terms: RoundTerms, units: Sequence[QueuedUnit], minutes: float) -> str:
    """Store units to be worked on, within so many minutes; rounds that nobody asks for any more go."""
    rows = [
        {"unit_key": unit.key, "job_key": unit.job_key, "number": number, "part": unit.part}
        | {"work": unit.work, "status": "waiting", "leases": 0}
        for number, unit in enumerate(units)
    ]
    with transaction(engine) as connection:
        connection.execute(
            text("delete from research.search_rounds where asked_until < now() - interval '1 day'")
        )
        opened = connection.execute(
            text(_OPEN),
            terms.release._asdict()
            | {"libraries": list(terms.release.libraries)}
            | {"megabytes": terms.megabytes, "job_minutes": terms.job_minutes, "lease": terms.lease_seconds}
            | {"seconds": 60.0 * minutes},
        )
        round_id = str(opened.scalar_one())
        if rows:
            connection.execute(insert(search_units), [{"round_id": round_id} | row for row in rows])
    return round_id


_OPEN = """
insert into research.search_rounds (id, product_version, kernel_digest, schema_revision, libraries,
    worker_megabytes, job_minutes, lease_seconds, begin_until, asked_until, opened_at)
values (gen_random_uuid()::text, :product_version, :kernel_digest, :schema_revision, :libraries,
    :megabytes, :job_minutes, :lease, now() + make_interval(secs => :seconds),
    now() + make_interval(secs => :lease), now())
returning id
"""


def close_round(engine: Engine, round_id: str) -> None:
    """Take what is left of a round out of the queue; those who are at it leave no answer."""
    with transaction(engine) as connection:
        connection.execute(search_rounds.delete().where(search_rounds.c.id == round_id))


def read_terms(engine: Engine, round_id: str) -> RoundTerms | None:
    """Terms of a round; None when this database holds none of that number."""
    with transaction(engine) as connection:
        row = connection.execute(select(search_rounds).where(search_rounds.c.id == round_id)).one_or_none()
    if row is None:
        return None
    release = Release(row.product_version, row.kernel_digest, row.schema_revision, tuple(row.libraries))
    return RoundTerms(release, row.worker_megabytes, row.job_minutes, row.lease_seconds)


def lease_unit(engine: Engine, round_id: str, worker: str, lease_seconds: float) -> Leased | Nothing:
    """Take the next unit that nobody holds; a whole job comes after all of its parts."""
    given = {"round": round_id, "worker": worker, "lease": lease_seconds}
    lost = json.dumps(
        {"error": f"{MAX_LEASES} workers were lost while they were at it; expected one to finish"}
    )
    with transaction(engine) as connection:
        if not _may_begin(connection, round_id):
            return "over"
        connection.execute(text(_GIVE_UP), {"round": round_id, "most": MAX_LEASES, "answer": lost})
        row = connection.execute(text(_LEASE), given).one_or_none()
        if row is not None:
            lease = UnitLease(round_id, row.unit_key, worker, row.leases)
            return Leased(lease, row.work)
        return "wait" if connection.execute(text(_IS_LEFT), {"round": round_id}).scalar_one() else "over"


_GIVE_UP = """
update research.search_units set status = 'done', answer = :answer
where round_id = :round and status = 'leased' and leased_until < now() and leases >= :most
"""
_LEASE = """
update research.search_units as taken
set status = 'leased', worker = :worker, leased_until = now() + make_interval(secs => :lease),
    leases = taken.leases + 1, begun_at = coalesce(taken.begun_at, now()),
    busy_since = case when taken.status = 'waiting' then taken.busy_since end
where (taken.round_id, taken.unit_key) = (
    select one.round_id, one.unit_key from research.search_units as one
    where one.round_id = :round and one.status <> 'done'
        and (one.leased_until is null or one.leased_until < now())
        and (one.part is not null or not exists (
            select from research.search_units as part
            where part.round_id = one.round_id and part.job_key = one.job_key
                and part.part is not null and part.status <> 'done'))
    order by one.number limit 1 for update of one skip locked)
returning taken.unit_key, taken.leases, taken.work
"""
_IS_LEFT = "select exists (select from research.search_units where round_id = :round and status <> 'done')"


def _may_begin(connection: Connection, round_id: str) -> bool:
    """Whether there is time for another unit, and somebody who waits for it."""
    return bool(connection.execute(text(_MAY_BEGIN), {"round": round_id}).scalar_one())


_MAY_BEGIN = """
select exists (select from research.search_rounds
    where id = :round and clock_timestamp() < begin_until and clock_timestamp() < asked_until)
"""


def beat(engine: Engine, lease: UnitLease, seconds: float) -> bool:
    """Keep a lease for so long from now on; whether it was still held."""
    change = "leased_until = now() + make_interval(secs => :seconds)"
    return _is_held(engine, f"{_HELD_UPDATE} {change} {_HELD}", lease, seconds=seconds)


def put_back(engine: Engine, lease: UnitLease, pause: float, patience: float) -> bool:
    """Let a unit that another process is at wait for a pause, as if this lease had not been.

    Parameters
    ----------
    engine
        Product database.
    lease
        Of the unit.
    pause
        Seconds until it may be leased again.
    patience
        Seconds for which it may be found so, again and again, while nobody beats for the same work, in this
        round or another.

    Returns
    -------
    bool
        Whether it waits; else the patience is over, or the lease was lost.
    """
    return _is_held(
        engine, f"{_HELD_UPDATE} {_WAITS} {_HELD} {_IS_PATIENT}", lease, pause=pause, patience=patience
    )


def finish_unit(engine: Engine, lease: UnitLease, answer: dict[str, Any]) -> bool:
    """Leave an answer; whether the lease was still held: another's answer is waited for where it was not."""
    change = "status = 'done', answer = :answer"
    return _is_held(engine, f"{_HELD_UPDATE} {change} {_HELD}", lease, answer=json.dumps(answer))


_HELD_UPDATE = "update research.search_units as one set"
_HELD = """
where round_id = :round_id and unit_key = :unit_key and worker = :worker and leases = :leases
    and status = 'leased'
"""


_AT_WORK = """exists (select from research.search_units as other
    where other.job_key = one.job_key and other.status = 'leased' and other.leased_until >= now()
        and (other.round_id, other.unit_key) <> (one.round_id, one.unit_key))"""
_WAITS = f"""status = 'waiting', leases = leases - 1, leased_until = now() + make_interval(secs => :pause),
    busy_since = case when {_AT_WORK} then now() else coalesce(busy_since, now()) end"""
_IS_PATIENT = f"""and (busy_since is null or now() - busy_since < make_interval(secs => :patience)
    or {_AT_WORK})"""


def _is_held(engine: Engine, statement: str, lease: UnitLease, **values: Any) -> bool:
    with transaction(engine) as connection:
        return connection.execute(text(statement), lease._asdict() | values).rowcount == 1


def count_units(connection: Connection) -> dict[str, int]:
    """Count the units of all rounds that somebody asks for, by their status."""
    query = text(
        "select one.status, count(*) from research.search_units as one join research.search_rounds as round "
        "on round.id = one.round_id where round.asked_until > now() group by 1"
    )
    return {status: int(count) for status, count in connection.execute(query)}


def keep_asking(engine: Engine, round_id: str, seconds: float) -> None:
    """Tell the workers that somebody waits for the round for so long from now on."""
    with transaction(engine) as connection:
        connection.execute(text(_ASK_ON), {"id": round_id, "lease": seconds})


_ASK_ON = """
update research.search_rounds set asked_until = now() + make_interval(secs => :lease) where id = :id
"""


def progress_of(engine: Engine, round_id: str) -> RoundProgress:
    """How a round stands now."""
    units = search_units.c
    begun = select(units.unit_key).where(
        units.round_id == round_id, units.part.is_(None), units.begun_at.is_not(None)
    )
    with transaction(engine) as connection:
        row = connection.execute(text(_PROGRESS), {"round": round_id}).one()
        keys = frozenset(connection.execute(begun).scalars())
        return RoundProgress(row.waiting, row.held, row.may_begin, keys)


_PROGRESS = """
select count(*) filter (where status <> 'done' and (status = 'waiting' or leased_until < now())) as waiting,
    count(*) filter (where status = 'leased' and leased_until >= now()) as held,
    (select begin_until > now() from research.search_rounds where id = :round) as may_begin
from research.search_units where round_id = :round
"""


def answers_of(engine: Engine, round_id: str) -> dict[str, dict[str, Any]]:
    """Answers by the key of their unit, as far as there are any."""
    units = search_units.c
    left = select(units.unit_key, units.answer).where(units.round_id == round_id, units.answer.is_not(None))
    with transaction(engine) as connection:
        return {row.unit_key: json.loads(row.answer) for row in connection.execute(left)}
