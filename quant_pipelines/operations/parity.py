"""Replay parity of a day: compared, stored, and what follows for a deployment that is not like its replay.

Its entries stop at once, by the breaker that a person re-arms; on the second day in a row it goes back by the
steps of the life cycle. A leg's set is stopped and moved as a whole.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.jit import kernel_digest
from quant_pipelines.core.stages import LADDER
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.operations.stages import disable, roll_back
from quant_pipelines.parity.comparison import FAULTS, DayComparison
from quant_pipelines.research.parity import ComparedDay, compare_day, day_before, require_past
from quant_pipelines.store import audit
from quant_pipelines.store.deployments import announce_deployments
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import add_halt, standing_halts, trip_of
from quant_pipelines.store.parity import ParityRow, add_parity, read_parity, was_faulty
from quant_pipelines.store.stages import read_stage
from quant_pipelines.trading.breaker import Trip

ACTOR = "replay parity"
_NAMED = 3
_FINE = frozenset({"equal", "explained", "not replayable"})


class ParityReport(NamedTuple):
    """What came of a day: its rows, oldest deployment first, and what was done about them."""

    day: date
    rows: list[dict[str, Any]]
    receipts: tuple[Receipt, ...] = ()

    @property
    def is_fine(self) -> bool:
        """Whether each deployment that can be replayed was, and is like its replay or explained."""
        return all(row["verdict"] in _FINE for row in self.rows)

    @property
    def told(self) -> str:
        """One sentence."""
        if not self.rows:
            return f"{self.day}: nothing was traded"
        counts: dict[str, int] = {}
        for row in self.rows:
            counts[row["verdict"]] = counts.get(row["verdict"], 0) + 1
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        return f"{self.day}: {len(self.rows)} deployments beside their replays: {verdicts}"


def check_parity(
    engine: Engine, clock: Clock, *, day: date | None = None, columns: Path | None = None
) -> ParityReport:
    """Replay a day of every deployment, store what came of it, and stop those that are not like their replay.

    Parameters
    ----------
    engine
        Product database.
    clock
        Time of the look.
    day
        UTC day that is over; None is yesterday.
    columns
        Folder of column files to read bars through.

    Raises
    ------
    ConfigurationError
        If the day is not over.
    StoreError
        If the database does not answer.
    """
    day = day_before(clock) if day is None else day
    require_past(day, clock)
    compared = compare_day(engine, day, columns=columns)
    digest, receipts = kernel_digest(), list[Receipt]()
    for one in compared:
        row = _row(one, day, digest)
        with transaction(engine) as connection:
            is_new = add_parity(connection, row, clock_time(clock))
        if is_new and row.verdict in FAULTS and day == day_before(clock):
            receipts += _stopped(engine, clock, one, row)
    with transaction(engine) as connection:
        rows = read_parity(connection, day)
    names = {one.deployment.id: one.deployment for one in compared}
    told = [row | _named(names.get(row["deployment_id"])) for row in rows]
    return ParityReport(day, told, tuple(receipts))


def _stopped(engine: Engine, clock: Clock, one: ComparedDay, row: ParityRow) -> list[Receipt]:
    """Stop a deployment's entries, and let it go back on the second day in a row."""
    whole, receipts = one.deployment.whole, list[Receipt]()
    signature = Signature(ACTOR, f"{row.day}: {row.reason}"[:1000])
    with transaction(engine) as connection:
        is_second = was_faulty(connection, row.deployment_id, row.day - timedelta(days=1), FAULTS)
        standing = [trip_of(halt).event for halt in standing_halts(connection, whole)]
        if "not_its_replay" not in standing:
            trip = Trip("not_its_replay", f"it was not like its replay on {signature.reason}")
            add_halt(connection, whole, trip, clock_time(clock))
            detail = {"reason": signature.reason, "rest": row.rest, "day": str(row.day)}
            audit_id = audit.append(connection, ACTOR, "deployment.entries_stopped", whole, detail)
            announce_deployments(connection)
            receipts.append(Receipt("deployment.entries_stopped", whole, f"{whole} opens nothing", audit_id))
    if is_second and one.deployment.stage in LADDER:
        again = Signature(ACTOR, f"second day in a row: {signature.reason}"[:1000])
        receipts.append(demote(engine, clock, int(whole.partition(":")[2]), again))
    return receipts


def demote(engine: Engine, clock: Clock, deployment_id: int, signature: Signature) -> Receipt:
    """Take a deployment back: from paper it rests, from any other stage it is rolled back.

    A challenger is rolled back from paper, too: its incumbent has the place, and the challenge ends.
    """
    with transaction(engine) as connection:
        stored = read_stage(connection, deployment_id)
    may_rest = stored is not None and stored.stage == "paper" and stored.challenges is None
    try:
        if may_rest:
            return disable(engine, signature, deployment_id=deployment_id, clock=clock)
        return roll_back(engine, signature, deployment_id=deployment_id, clock=clock)
    except LifecycleError as error:  # a person was faster: its entries stay stopped
        return Receipt("deployment.not_demoted", f"deployment:{deployment_id}", str(error), 0)


def _row(one: ComparedDay, day: date, digest: str) -> ParityRow:
    found, key = one.comparison, one.deployment.id
    if found is None:
        verdict = "not replayed" if one.is_replayable else "not replayable"
        return ParityRow(key, day, digest, verdict, one.reason)
    another = [
        {"close": from_ms(other.close_ms).isoformat(), "runner": other.runner, "replay": other.replay}
        for other in found.another
    ]
    money = (found.actual, found.replayed, found.rest, found.allowed)
    counts = (found.n_fills, found.n_replayed, found.is_equal_to_the_bit)
    reason = _reason(found)
    return ParityRow(key, day, digest, found.verdict, reason, *money, *counts, another, found.causes)


def _reason(found: DayComparison) -> str:
    """Say what is wrong in one sentence; empty when nothing is."""
    if found.another:
        first = "; ".join(
            f"{from_ms(one.close_ms):%H:%M} {one.runner} instead of {one.replay}"
            for one in found.another[:_NAMED]
        )
        return f"{len(found.another)} decisions came out otherwise: {first}"
    if found.verdict in FAULTS:
        return f"{_short(found.rest)} of the difference is unexplained, {_short(found.allowed)} may be"
    return ""


def _short(amount: Decimal) -> str:
    return f"{float(amount):.6g}"


def _named(deployment: Any) -> dict[str, Any]:
    names = ("strategy", "symbol", "timeframe", "stage", "venue")
    return {name: getattr(deployment, name, None) for name in names}


def shown_day(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as tables show it: the difference, and its causes from the largest to the smallest."""
    causes = sorted(row["causes"].items(), key=lambda one: -abs(one[1]))
    replayed = row["actual"] is not None
    difference = row["actual"] - row["replayed"] if replayed else None
    amounts = {"difference": difference, "rest": row["rest"], "allowed": row["allowed"]}
    names = ("deployment_id", "strategy", "symbol", "timeframe", "stage", "n_fills", "n_replayed")
    return {
        **{name: row[name] for name in names},
        **{name: None if amount is None else _short(amount) for name, amount in amounts.items()},
        "causes": ", ".join(f"{name} {_short(amount)}" for name, amount in causes),
        "to_the_bit": row["to_the_bit"],
        "verdict": row["verdict"],
        "reason": row["reason"],
    }
