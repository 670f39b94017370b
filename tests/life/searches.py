"""The night's searches: every record gets the day that is over, and now and then its unit a verdict."""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Engine, func, insert, select

from quant_pipelines.core.ids import digest_of
from quant_pipelines.core.known_funding import KnownFunding
from quant_pipelines.core.settings import GateSettings
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.judge import Context, judge
from quant_pipelines.optimize.purge import Fit
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.optimize.walk_forward import FoldResult, WalkForward
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.research import DONE, open_task
from quant_pipelines.store.tables import record_days
from quant_pipelines.store.verdicts import save_verdict
from tests.life.days import date_of, day_ms, ends_at
from tests.life.scene import Scene
from tests.life.truth import (
    BETTER,
    BETTER_FROM,
    DAYS_BEFORE,
    EXCHANGE,
    Truth,
    Unit,
    version_of,
)

TIMEFRAME = "1h"
_EXPOSURE: Final = 1.0
_FOLD: Final = Fold(0, 0, 0, 0, 0)
_IN_SAMPLE: Final = np.array([0.02, -0.01, 0.002])
"""What every train window has earned: nothing here is searched."""
_HELD: Final = KnownFunding(DAY_MS, DAY_MS)


class Procedure(NamedTuple):
    """A text of a strategy on a symbol: what a record is of."""

    unit: Unit
    version: str = "a"

    @property
    def row(self) -> dict[str, Any]:
        """Version of the strategy as it is stored."""
        return {
            "strategy": self.unit.strategy,
            "description": "",
            "content_hash": f"{self.unit.strategy} {self.version}",
            "kernel_digest": "kernel",
            "source": "stops = Stops(hard_stop=0.1)",
            "parameters": {"window": {"low": 5, "high": 200}},
        }

    def task(self, day: int) -> dict[str, Any]:
        """Search of the night behind a day of the year."""
        of_record = [*self.unit, self.version]
        return {
            "strategy": self.unit.strategy,
            "exchange": EXCHANGE,
            "symbol": self.unit.symbol,
            "timeframe": TIMEFRAME,
            "task_key": digest_of([*of_record, date_of(day).isoformat()]),
            "record_key": digest_of(of_record),
            "searcher": "ga",
            "objective": "sharpe",
            "seed": 1,
            "trigger": "daily",
            "settings": {"job": {"archive": None}, "rules": {}},
            "window_start": from_ms(day_ms(-DAYS_BEFORE)),
            "window_end": ends_at(day),
        }


class Searches:
    """All records of a world.

    Parameters
    ----------
    engine
        Product database.
    truth
        What the units earn.
    scene
        How often its verdicts trade, and how often they find other parameters.
    """

    def __init__(self, engine: Engine, truth: Truth, scene: Scene) -> None:
        self._engine = engine
        self._truth = truth
        self._scene = scene
        self._units = tuple(truth.returns)
        self._records: dict[Procedure, int] = {}

    def run(self, day: int) -> None:
        """Search in the night behind a day of the year; a night that was broken off is gone on with."""
        procedures = [Procedure(unit, version_of(unit, day)) for unit in self._units]
        tasks = {
            one: open_task(self._engine, one.row, one.task(day))
            for at, one in enumerate(procedures)
            if (day - self._scene.begins) % self._scene.verdict_days == at
            or day in (self._scene.begins, BETTER_FROM)
        }
        self._grow(procedures, day)
        for one, task in tasks.items():
            if task.status != DONE:
                save_verdict(self._engine, task, self._judged(one, day))

    def _grow(self, procedures: list[Procedure], day: int) -> None:
        """Add the days that records lack; a new text is searched on the whole calendar at once."""
        for one in procedures:
            if one not in self._records:
                first = self._scene.begins if one.version == "a" else BETTER_FROM
                self._records[one] = open_task(self._engine, one.row, one.task(first)).record_id
        with transaction(self._engine) as connection:
            newest = select(record_days.c.record_id, func.max(record_days.c.day)).group_by("record_id")
            known = {row[0]: row[1] for row in connection.execute(newest)}
            rows = [row for one in procedures for row in self._days(one, known.get(self._records[one]), day)]
            if rows:
                connection.execute(insert(record_days), rows)

    def _days(self, procedure: Procedure, last: date | None, day: int) -> Iterator[dict[str, Any]]:
        """What a record did since a day and up to one of the year."""
        returns = self._truth.record(procedure.unit, procedure.version, day)
        held = self._truth.market.get(procedure.unit.symbol)
        first = 0 if last is None else (last - date_of(-DAYS_BEFORE)).days + 1
        for at in range(first, returns.size):
            yield {
                "record_id": self._records[procedure],
                "day": date_of(at - DAYS_BEFORE),
                "fold": 0,
                "daily_return": float(returns[at]),
                "is_warm": True,
                "cover": [],
                "trades": [],
                "computed_at": ends_at(day),
                "exposure": 0.0 if held is None else 1.0,
                "holding_return": 0.0 if held is None else float(held[at]),
            }

    def _judged(self, procedure: Procedure, day: int) -> VerdictRecord:
        unit, end_ms = procedure.unit, day_ms(day + 1)
        returns = self._truth.record(unit, procedure.version, day)
        fit = Fit((), {"window": self._scene.window(unit, day)}, _IN_SAMPLE)
        days = end_ms - DAY_MS * np.arange(returns.size, 0, -1)
        n_trades = self._scene.trades[procedure.version]
        trades = tuple({"exit_time": int(days[-1 - at % 60]), "pnl": 1.0} for at in range(n_trades))
        test = OutOfSample(days, returns, trades)
        walk = WalkForward((FoldResult(_FOLD, fit, test, np.zeros((returns.size, 0))),))
        context = Context(
            GateSettings(),
            known_funding=_HELD,
            first_seen_ms=day_ms(BETTER_FROM if procedure.version == BETTER else 0),
            largest_exposure=_EXPOSURE,
        )
        found = judge(walk, context)
        return VerdictRecord(
            *(unit.strategy, procedure.row["content_hash"], EXCHANGE, unit.symbol, TIMEFRAME),
            window_start_ms=day_ms(-DAYS_BEFORE),
            window_end_ms=end_ms,
            parameters=dict(fit.parameters or {}),
            in_sample=found.in_sample | {"history_bars": 240},
            out_of_sample=found.out_of_sample | {"execution_timeframe": "1m"},
            gates=found.gates,
        )
