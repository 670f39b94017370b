"""The night's searches: every record gets the day that is over, and now and then its unit a verdict."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import insert as upsert

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
from tests.life.truth import DAYS_BEFORE, Truth, Unit

EXCHANGE = "binanceusdm"
TIMEFRAME = "1h"
_EVERY_DAYS: Final = 28
"""How often a unit gets a verdict; its record grows every night."""
_TRADES: Final = 60
_EXPOSURE: Final = 1.0
_FOLD: Final = Fold(0, 0, 0, 0, 0)
_FIT: Final = Fit((), {"window": 20}, np.array([0.02, -0.01, 0.002]))
"""What every train window has found: nothing here is searched."""
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
            "source": "",
            "parameters": {},
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
    """

    def __init__(self, engine: Engine, truth: Truth) -> None:
        self._engine = engine
        self._truth = truth
        self._procedures = [Procedure(unit) for unit in truth.returns]
        self._records: dict[Procedure, int] = {}

    def run(self, day: int) -> None:
        """Search in the night behind a day of the year; a night that was broken off is gone on with."""
        first = -DAYS_BEFORE if day == 0 else day
        judged = [one for at, one in enumerate(self._procedures) if day == 0 or day % _EVERY_DAYS == at]
        tasks = {one: open_task(self._engine, one.row, one.task(day)) for one in judged}
        for one in self._procedures:
            if one not in self._records:
                self._records[one] = open_task(self._engine, one.row, one.task(0)).record_id
        rows = [row for one in self._procedures for row in self._days(one, first, day)]
        with transaction(self._engine) as connection:
            connection.execute(upsert(record_days).on_conflict_do_nothing(), rows)
        for one, task in tasks.items():
            if task.status != DONE:
                save_verdict(self._engine, task, self._judged(one, day))

    def _days(self, procedure: Procedure, first: int, last: int) -> Iterator[dict[str, Any]]:
        """What a record did on the days of the year from one to another, both included."""
        for day in range(first, last + 1):
            yield {
                "record_id": self._records[procedure],
                "day": date_of(day),
                "fold": 0,
                "daily_return": self._truth.earned(procedure.unit, day),
                "is_warm": True,
                "cover": [],
                "trades": [],
                "computed_at": ends_at(day),
                "exposure": 0.0,
                "holding_return": 0.0,
            }

    def _judged(self, procedure: Procedure, day: int) -> VerdictRecord:
        unit, end_ms = procedure.unit, day_ms(day + 1)
        returns = self._truth.returns[unit][: DAYS_BEFORE + day + 1]
        days = end_ms - DAY_MS * np.arange(returns.size, 0, -1)
        trades = tuple({"exit_time": int(day), "pnl": 1.0} for day in days[-_TRADES:])
        test = OutOfSample(days, returns, trades)
        walk = WalkForward((FoldResult(_FOLD, _FIT, test, np.zeros((returns.size, 0))),))
        context = Context(
            GateSettings(), known_funding=_HELD, first_seen_ms=day_ms(0), largest_exposure=_EXPOSURE
        )
        found = judge(walk, context)
        return VerdictRecord(
            *(unit.strategy, procedure.row["content_hash"], EXCHANGE, unit.symbol, TIMEFRAME),
            window_start_ms=day_ms(-DAYS_BEFORE),
            window_end_ms=end_ms,
            parameters=dict(_FIT.parameters or {}),
            in_sample=found.in_sample | {"history_bars": 240},
            out_of_sample=found.out_of_sample | {"execution_timeframe": "1m"},
            gates=found.gates,
        )
