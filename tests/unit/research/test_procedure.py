"""What begins a record anew, and what does not."""

from dataclasses import replace

import pytest

from quant_pipelines.core.search_settings import ConstraintSettings, ParameterRange, WindowSettings
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.research.procedure import record_key, searcher_version
from quant_pipelines.sdk import load_strategy, strategies_folder

JOB = OptimizationJob("ema_cross", "BTC/USDT:USDT", "1h", window_end_ms=0, windows=WindowSettings())
STRATEGY = load_strategy("ema_cross", strategies_folder())


def key(job: OptimizationJob) -> str:
    return record_key(job, STRATEGY, "1m")


@pytest.mark.parametrize("change", [{"groups": 8}, {"test_groups": 3}, {"embargo_hours": 48}])
def test_what_only_a_study_of_many_paths_reads_begins_no_record_anew(change: dict[str, int]) -> None:
    assert key(replace(JOB, windows=replace(JOB.windows, **change))) == key(JOB)


def test_how_much_may_be_traded_of_a_market_is_no_matter_where_no_capacity_is_asked() -> None:
    share = ConstraintSettings(capacity_participation=0.05)
    assert key(replace(JOB, constraints=share)) == key(JOB)
    capacity = replace(JOB, constraints=replace(share, min_capacity=1e6))
    other = replace(JOB, constraints=ConstraintSettings(capacity_participation=0.01, min_capacity=1e6))
    assert len({key(JOB), key(capacity), key(other)}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"windows": replace(JOB.windows, test_days=JOB.windows.test_days + 1)},
        {"space": (ParameterRange("fast", 5, 20),)},
        {"promise": 3},
        {"constraints": ConstraintSettings(min_trades=7)},
    ],
)
def test_another_procedure_is_another_record(change: dict[str, object]) -> None:
    assert key(replace(JOB, **change)) != key(JOB)  # type: ignore[arg-type]


def test_searcher_that_draws_other_sets_than_before_is_another_procedure() -> None:
    jobs = [
        OptimizationJob("ema_cross", "BTC/USDT:USDT", "1h", searcher=name) for name in ("sobol", "grid", "ga")
    ]
    # What has no version in its digest keeps the records that it had before there were versions.
    assert [searcher_version(job) for job in jobs] == [{}, {}, {"searcher_version": 2}]
