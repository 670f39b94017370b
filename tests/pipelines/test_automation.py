"""Ticks of the sensors that react to trading: what they request, what they close, what they tell people."""

from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import select, text

from assets.resources import Platform
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.definitions import defs
from quant_pipelines.store.requests import request_for_deployment
from quant_pipelines.store.tables import alerts, optimization_requests
from sensors.promotion import promotion_ladder
from sensors.run_failure import run_failure
from sensors.searches import REQUEST_TAG, performance_triggers
from tests.stored_looks import look_at_deployment

SYMBOL = "ETH/USDT:USDT"
PROVEN_DEPLOYMENT = """
with version as (
    insert into research.strategy_versions
        (strategy, content_hash, kernel_digest, source, parameters, created_at)
    values ('ema_cross', 'h', 'k', '', '{}', now()) returning id
), record as (
    insert into research.records (record_key, begun_at) values ('t', now()) returning id
), task as (
    insert into research.optimizer_tasks
        (record_id, task_key, strategy_version_id, strategy, exchange, symbol, timeframe, searcher, objective,
         seed, window_start, window_end, settings, trigger, status, created_at)
    select record.id, 't', version.id, 'ema_cross', 'binanceusdm', :symbol, '1h', 'ga', 'sharpe', 1, now(),
        now(), '{}', 'test', 'done', now()
    from version, record returning id, strategy_version_id
), verdict as (
    insert into research.verdicts
        (task_id, strategy_version_id, strategy, exchange, symbol, timeframe, parameters, in_sample,
         out_of_sample, gates, paper_passed, capital_passed, decision, reasons, created_at)
    select id, strategy_version_id, 'ema_cross', 'binanceusdm', :symbol, '1h', '{"fast": 12}', '{}', '{}',
        '[]', true, true, 'admitted', '[]', now()
    from task returning id, strategy_version_id
), account as (
    insert into trading.accounts (name, venue, currency, capital, created_at)
    values ('paper', 'paper', 'USDT', 100000, now()) returning id
)
insert into trading.deployments
    (account_id, strategy_version_id, verdict_id, strategy, exchange, symbol, timeframe, execution_timeframe,
     parameters, settings, stage, capital, history_start, created_at, stage_changed_at)
select account.id, strategy_version_id, verdict.id, 'ema_cross', 'binanceusdm', :symbol, '1h', '1m', '{}',
    '{}', :stage, 10000, :since, :since, :since
from verdict, account
returning id
"""


def deployment(platform: Platform, stage: str = "paper", days_ago: int = 30) -> int:
    """Deployment that passed every gate and the newest look, that long in its stage."""
    since = from_ms(platform.clock() - days_ago * DAY_MS)
    values = {"symbol": SYMBOL, "stage": stage, "since": since}
    with platform.engine.begin() as connection:
        made = int(connection.execute(text(PROVEN_DEPLOYMENT), values).scalar_one())
        yesterday = from_ms(platform.clock() - DAY_MS).date()
        look_at_deployment(connection, made, first_look=yesterday)
        return made


def ask(platform: Platform, deployment_id: int) -> int:
    with platform.engine.begin() as connection:
        made = request_for_deployment(
            connection, deployment_id, {"reason": "sharpe is -1"}, from_ms(platform.clock())
        )
    assert made is not None
    return made


def tick(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, platform: Platform, cursor: str | None = None
) -> tuple[list[dg.RunRequest], str, str | None]:
    """Run requests, skip message and new cursor of one evaluation."""
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"platform": platform}, definitions=defs
    )
    result = sensor.evaluate_tick(context)
    return list(result.run_requests or []), str(result.skip_message), result.cursor


def statuses(platform: Platform) -> list[str]:
    with platform.engine.connect() as connection:
        query = select(optimization_requests.c.status).order_by(optimization_requests.c.id)
        return list(connection.execute(query).scalars())


def messages(platform: Platform) -> list[str]:
    with platform.engine.connect() as connection:
        return list(connection.execute(select(alerts.c.message).order_by(alerts.c.id)).scalars())


def past_run(instance: dg.DagsterInstance, request_id: int, status: dg.DagsterRunStatus) -> None:
    tags = {REQUEST_TAG: str(request_id)}
    create_run_for_test(instance, job_name="focused_optimization", tags=tags, status=status)


def config_of(request: dg.RunRequest) -> dict[str, Any]:
    (op,) = request.run_config["ops"].values()
    return dict(op["config"])


def test_open_request_of_a_deployment_runs_a_deeper_search_of_its_unit(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    request_id = ask(platform, deployment(platform))
    (request,), _, _ = tick(performance_triggers, instance, platform)
    assert request.run_key == f"request-{request_id}-focused_optimization-1"
    assert config_of(request) == {
        "reason": f"request {request_id} (performance): ema_cross {SYMBOL} 1h: sharpe is -1",
        "strategies": ["ema_cross"],
        "symbols": [SYMBOL],
        "timeframes": ["1h"],
        "depth": "DEEP",
    }


@pytest.mark.parametrize(
    ("runs", "requested", "status"),
    [
        ([dg.DagsterRunStatus.SUCCESS], 0, "done"),
        ([dg.DagsterRunStatus.STARTED], 0, "open"),
        ([dg.DagsterRunStatus.FAILURE], 1, "open"),
        ([dg.DagsterRunStatus.FAILURE] * 3, 0, "failed"),
        ([dg.DagsterRunStatus.CANCELED], 0, "failed"),
    ],
)
def test_request_follows_its_runs(
    platform: Platform,
    instance: dg.DagsterInstance,
    runs: list[dg.DagsterRunStatus],
    requested: int,
    status: str,
) -> None:
    request_id = ask(platform, deployment(platform))
    for run in runs:
        past_run(instance, request_id, run)
    requests, _, _ = tick(performance_triggers, instance, platform)
    assert (len(requests), statuses(platform)) == (requested, [status])
    assert len(messages(platform)) == (status == "failed")


def test_searches_wait_for_the_first_start(platform: Platform, instance: dg.DagsterInstance) -> None:
    ask(platform, deployment(platform))
    create_run_for_test(instance, job_name="first_start", status=dg.DagsterRunStatus.STARTED)
    requests, skipped, _ = tick(performance_triggers, instance, platform)
    assert requests == []
    assert "first_start is started" in skipped


def test_calm_platform_asks_for_nothing(platform: Platform, instance: dg.DagsterInstance) -> None:
    for sensor in (performance_triggers, promotion_ladder):
        assert tick(sensor, instance, platform)[0] == []


def test_proven_paper_is_promoted_by_the_operators_job(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    deployment_id = deployment(platform)
    (request,), _, _ = tick(promotion_ladder, instance, platform)
    assert request.run_key == f"promote-{deployment_id}-shadow-2024-03-15"
    assert (config_of(request)["target"], config_of(request)["operator"]) == ("SHADOW", "promotion ladder")
    result = defs.resolve_job_def("promote_deployment").execute_in_process(
        run_config=request.run_config, resources={"platform": platform}, instance=instance
    )
    assert result.success


def test_young_paper_waits(platform: Platform, instance: dg.DagsterInstance) -> None:
    deployment(platform, days_ago=2)
    assert tick(promotion_ladder, instance, platform)[0] == []


def test_step_that_needs_people_is_told_once(platform: Platform, instance: dg.DagsterInstance) -> None:
    deployment_id = deployment(platform, stage="shadow")
    requests, skipped, cursor = tick(promotion_ladder, instance, platform)
    assert requests == []
    assert "waits for operators" in skipped
    tick(promotion_ladder, instance, platform, cursor)
    asked = f"deployment:{deployment_id} shadow to canary: the evidence suffices; 2 operators must promote it"
    assert messages(platform) == [f"{asked} until 2024-03-18 10:02 UTC, then it is asked anew"]
    then_ms = platform.clock() + 3 * DAY_MS
    platform.clock = lambda: then_ms
    tick(promotion_ladder, instance, platform, cursor)
    assert [message.startswith(asked) for message in messages(platform)] == [True, True]


@pytest.mark.parametrize(("tags", "alerted"), [({}, 1), ({"quant/operator": "yes"}, 0)])
def test_failed_run_becomes_an_alert_unless_an_operator_was_refused(
    platform: Platform, instance: dg.DagsterInstance, tags: dict[str, str], alerted: int
) -> None:
    @dg.op
    def fail() -> None:
        raise dg.Failure("no data")

    @dg.job(tags=tags, name="failing")
    def failing() -> None:
        fail()

    result = failing.execute_in_process(instance=instance, raise_on_error=False)
    context = dg.build_run_status_sensor_context(
        sensor_name="run_failure",
        dagster_event=result.get_run_failure_event(),
        dagster_instance=instance,
        dagster_run=result.dagster_run,
        resources={"platform": platform},
    ).for_run_failure()
    run_failure(context)
    found = messages(platform)
    assert len(found) == alerted
    assert all("of failing failed" in one for one in found)
