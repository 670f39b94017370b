"""Worlds through the real search: walk-forwards on generated bars, records in PostgreSQL, looks at them.

Each world is searched twice: as nights do it, with records that grow in the database between looks, and at
once in memory. Both must come to the same days, and the looks at stored records to the decisions that the
statistic tier comes to on those days.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from benchmarks.calibrate.generated import TIMEFRAME, GeneratedSource
from benchmarks.calibrate.held_looks import looks_in_turn
from quant_pipelines.core.search_settings import WindowSettings
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms, from_ms
from quant_pipelines.optimize.capital import CapitalLook, RecordDays, Unit
from quant_pipelines.optimize.decision import DecisionTerms
from quant_pipelines.optimize.evaluation import OutOfSample, stitched
from quant_pipelines.optimize.holding import holdings_of, longest_holding_days
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.optimize.walk_forward import FoldResult
from quant_pipelines.research.capital import take_due_look
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.research.run import optimize_one
from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.capital import newest_look
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect, transaction
from quant_pipelines.store.migrate import migrate

STRATEGIES = ("volatility_breakout", "macd_cross")
SYMBOLS = ("ONE/USDT:USDT", "TWO/USDT:USDT")
LOOK_DAYS = (date(2025, 12, 23), date(2025, 12, 31))
HISTORY = Window(day_start_ms("2025-05-01"), day_start_ms("2026-01-01"))
WINDOWS = WindowSettings(train_days=60, test_days=30, folds=20, min_folds=3)
TREND = 20.0
SAID = ("decision", "decided_by", "more_days", "fewest_more_days", "most_more_days", "tests")
MEASURED = ("statistic", "critical", "sharpe", "sharpe_low", "sharpe_high")


class Searched(NamedTuple):
    """One record as the search left it."""

    unit: Unit
    verdict: VerdictRecord
    record: OutOfSample

    def days(self) -> RecordDays:
        first = from_ms(int(self.record.days[0])).date()
        return RecordDays(self.unit, first, self.record.returns, self.record.exposure, self.record.holding)

    def held(self) -> list[int]:
        """Whole days of its longest holding until each look."""
        spans = holdings_of(self.record)
        return [longest_holding_days(spans, _end_ms(day)) for day in LOOK_DAYS]


class RecordPlayed(NamedTuple):
    """One record: whether the paper screen let it through, and what the last look said."""

    strategy: str
    screened: bool
    decision: str


class PipelinePlayed(NamedTuple):
    """One world: whether it has trends, whether both tiers agree to the bit, and its records."""

    has_trend: bool
    is_equal: bool
    records: list[RecordPlayed]


class StoredWorld(NamedTuple):
    """Records of a world as the search left them, terms of its first look, and what its looks stored."""

    searched: list[Searched]
    terms: DecisionTerms
    looks: list[list[dict[str, Any]]]


def source_of(seed: int) -> GeneratedSource:
    """Every second world has trends."""
    return GeneratedSource(seed, HISTORY, trend=TREND * _has_trend(seed))


def _has_trend(seed: int) -> bool:
    return seed % 2 == 1


def jobs_of(seed: int, until: date) -> list[OptimizationJob]:
    """Searches of a night; each world is an exchange of its own, so that its records are one family."""
    end_ms = _end_ms(until)
    return [
        OptimizationJob(
            *(strategy, symbol, TIMEFRAME, end_ms, WINDOWS),
            exchange=f"world{seed}",
            searcher="sobol",
            trials=8,
            overfit_points=8,
            overfit_blocks=4,
        )
        for strategy in STRATEGIES
        for symbol in SYMBOLS
    ]


def pipeline_played(_: Any, seeds: range) -> list[PipelinePlayed]:
    """Worlds in a database of their own."""
    with new_database() as engine:
        return [played(searched_world(engine, seed), seed) for seed in seeds]


@contextmanager
def new_database() -> Iterator[Engine]:
    """Migrated database of a server that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        try:
            with EmbeddedPostgres(home, free_port(), durable=False) as server:
                create_database(server.url("postgres"), "calibration")
                engine = connect(server.url("calibration"))
                migrate(engine)
                yield engine
                engine.dispose()
        finally:
            remove_place(home)


def searched_world(engine: Engine, seed: int) -> StoredWorld:
    """Search a world as nights do it, look at its records, and search it again at once in memory."""
    taken = looks_taken(engine, seed)
    units = [Unit(*(row[name] for name in Unit._fields)) for row in taken[-1]["records"]]
    jobs = jobs_of(seed, LOOK_DAYS[-1])
    searched = [searched_at_once(job, seed, units) for job in jobs]
    return StoredWorld(searched, DecisionTerms(**taken[0]["terms"]), [_stored(look) for look in taken])


def played(world: StoredWorld, seed: int) -> PipelinePlayed:
    """Compare with the statistic tier."""
    days = [one.days() for one in world.searched]
    computed = looks_in_turn(days, LOOK_DAYS, world.terms, held_until_looks(world.searched))
    decisions = {one.seat.record_id: one.evidence.decision for one in computed[-1].results}
    return PipelinePlayed(
        has_trend=_has_trend(seed),
        is_equal=world.looks == [told(look) for look in computed],
        records=[
            RecordPlayed(one.unit.strategy, one.verdict.paper_passed, decisions[one.unit.record_id])
            for one in world.searched
        ],
    )


def held_until_looks(searched: Sequence[Searched]) -> list[dict[int, int]]:
    """Whole days of each record's longest holding, by record, until each look."""
    held = {one.unit.record_id: one.held() for one in searched}
    return [{number: days[at] for number, days in held.items()} for at in range(len(LOOK_DAYS))]


def _end_ms(day: date) -> int:
    return day_start_ms(day.isoformat()) + DAY_MS


def looks_taken(engine: Engine, seed: int) -> list[dict[str, Any]]:
    """Let nights search until each look day, take the look, and read what it stored."""
    looks = []
    for day in LOOK_DAYS:
        for job in jobs_of(seed, day):
            optimize_one(engine, job, source=source_of(seed))
        now = _end_ms(day) + 6 * HOUR_MS
        answer = take_due_look(engine, f"world{seed}", lambda now=now: now)
        assert answer.is_taken, answer.told
        with transaction(engine) as connection:
            found = newest_look(connection, f"world{seed}")
        assert found is not None
        looks.append(found)
    return looks


def _stored(look: dict[str, Any]) -> list[dict[str, Any]]:
    rows = sorted(look["records"], key=lambda row: row["record_id"])
    # Who waits for more days is in no family.
    family = {True: 0, False: look["family_size"]}
    return [_row(row | {"tests": family[row["decided_by"] == "too_slow"]}) for row in rows]


def searched_at_once(job: OptimizationJob, seed: int, units: Sequence[Unit]) -> Searched:
    """Walk forward over all days in memory, with nothing stored."""
    folds: dict[int, FoldResult] = {}
    verdict = optimize_one(
        None, job, source=source_of(seed), on_fold=lambda found: folds.__setitem__(found.fold.index, found)
    )
    (unit,) = (one for one in units if (one.strategy, one.symbol) == (job.strategy, job.symbol))
    return Searched(unit, verdict, stitched([folds[index].test for index in sorted(folds)]))


def told(look: CapitalLook) -> list[dict[str, Any]]:
    """What a look said of each record, as it is stored."""
    return [
        _row({"record_id": one.seat.record_id, "pool_passed": one.pool_passed} | one.evidence._asdict())
        for one in sorted(look.results, key=lambda one: one.seat.record_id)
    ]


def _row(said: dict[str, Any]) -> dict[str, Any]:
    return {name: said[name] for name in ("record_id", "pool_passed", *SAID, *MEASURED)}
