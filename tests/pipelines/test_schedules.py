from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from assets.partitions import RANGE_END_TAG, RANGE_START_TAG
from jobs.schedules import RULES, SCHEDULES, answer_tick
from quant_pipelines.definitions import defs

BY_JOB = {rule.job.name: rule for rule in RULES}


def tick(instance: dg.DagsterInstance, job: str, at: str) -> dg.RunRequest | str:
    """Answer of the job's rule at a UTC time: its run request, or why it skips."""
    answer = answer_tick(BY_JOB[job], instance, datetime.fromisoformat(at).replace(tzinfo=UTC))
    return answer if isinstance(answer, dg.RunRequest) else str(answer.skip_message)


def days(request: dg.RunRequest | str) -> tuple[str, str]:
    assert isinstance(request, dg.RunRequest)
    if request.partition_key:
        return request.partition_key, request.partition_key
    return request.tags[RANGE_START_TAG], request.tags[RANGE_END_TAG]


@pytest.mark.parametrize(
    ("job", "at", "expected"),
    [
        ("daily_optimization", "2024-03-15 00:10", ("2024-03-14", "2024-03-15")),
        ("daily_optimization", "2024-03-01 00:10", ("2024-02-29", "2024-03-01")),
        ("strategy_scoring", "2024-03-15 12:35", ("2024-03-15", "2024-03-15")),
        ("strategy_scoring", "2024-03-15 23:55", ("2024-03-15", "2024-03-15")),
        ("strategy_scoring", "2024-03-16 00:00", ("2024-03-15", "2024-03-16")),
        ("strategy_scoring", "2024-03-16 00:05", ("2024-03-16", "2024-03-16")),
    ],
)
def test_schedule_takes_the_days_of_its_scheduled_time(
    instance: dg.DagsterInstance, job: str, at: str, expected: tuple[str, str]
) -> None:
    assert days(tick(instance, job, at)) == expected


def test_scan_has_no_partition(instance: dg.DagsterInstance) -> None:
    request = tick(instance, "hot_coin_scan", "2024-03-15 12:00")
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key is None


@pytest.mark.parametrize("job", sorted(BY_JOB))
@pytest.mark.parametrize("unfinished", ["own", "first_start"])
@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])
def test_schedule_skips_while_a_run_is_unfinished(
    instance: dg.DagsterInstance, job: str, unfinished: str, status: dg.DagsterRunStatus
) -> None:
    create_run_for_test(instance, job_name=job if unfinished == "own" else unfinished, status=status)
    assert status.value.lower() in str(tick(instance, job, "2024-03-15 12:00"))


def test_schedule_goes_on_after_its_last_run_failed(instance: dg.DagsterInstance) -> None:
    create_run_for_test(instance, job_name="strategy_scoring", status=dg.DagsterRunStatus.FAILURE)
    assert isinstance(tick(instance, "strategy_scoring", "2024-03-15 12:00"), dg.RunRequest)


def test_schedule_answers_dagsters_tick_for_a_partition() -> None:
    (scoring,) = (one for one in SCHEDULES if one.job_name == "strategy_scoring")
    with dg.instance_for_test() as instance:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=datetime(2024, 3, 15, 12, 35, tzinfo=UTC),
            repository_def=defs.get_repository_def(),
        )
        (request,) = scoring.evaluate_tick(context).run_requests or []
    assert request.tags["dagster/partition"] == "2024-03-15"
