"""Days that begin at 08:00 UTC are shown beside the others: the same account, cut elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.core.settings import GateSettings
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.optimize.day_boundary import returns_from_0800
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.judge import Context, judge
from quant_pipelines.optimize.purge import Fit
from quant_pipelines.optimize.walk_forward import FoldResult, WalkForward

N_DAYS = 40
HOURLY = 100.0 * np.cumprod(1.0 + np.random.default_rng(3).normal(0.0002, 0.01, 24 * N_DAYS + 1))
STARTS = HOURLY[:-1:24]
RECORD = OutOfSample(
    DAY_MS * np.arange(N_DAYS),
    HOURLY[24::24] / STARTS - 1.0,
    (),
    until_0800=HOURLY[8::24] / STARTS - 1.0,
)


def outside(record: OutOfSample) -> dict[str, object]:
    fold = FoldResult(Fold(0, 0, 0, 0, 0), Fit((), {}, np.zeros(3)), record, np.zeros((N_DAYS, 0)))
    judgment = judge(WalkForward((fold,)), Context(GateSettings()))
    return judgment.out_of_sample | {"gates": judgment.gates}


def test_returns_from_08_are_those_of_the_account_at_08() -> None:
    at_eight = HOURLY[8::24]
    assert returns_from_0800(RECORD) == pytest.approx(at_eight[1:] / at_eight[:-1] - 1.0)


def test_a_day_that_is_not_there_joins_no_others() -> None:
    later = np.where(np.arange(N_DAYS) < 10, RECORD.days, RECORD.days + 5 * DAY_MS)
    assert returns_from_0800(replace(RECORD, days=later)).size == N_DAYS - 2


def test_a_verdict_shows_them_beside_midnight_and_decides_nothing_by_them() -> None:
    known = outside(RECORD)
    assert known["days_0800"] == N_DAYS - 1
    assert known["sharpe_0800"] == pytest.approx(known["sharpe"], rel=0.5)
    unknown = outside(replace(RECORD, until_0800=np.full(N_DAYS, np.nan)))
    assert (unknown["days_0800"], unknown["sharpe_0800"]) == (0, None)
    assert unknown["gates"] == known["gates"]
