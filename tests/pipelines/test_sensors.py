import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from numpy import array
from sqlalchemy import select, text

from assets.partitions import RANGE_END_TAG, RANGE_START_TAG
from assets.resources import Platform
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, from_ms
from quant_pipelines.definitions import defs
from quant_pipelines.operations.audit_anchors import read_anchors
from quant_pipelines.operations.health import MarketHealth, report_change
from quant_pipelines.stack.home import Home
from quant_pipelines.store import audit
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.market import seed_symbols
from quant_pipelines.store.tables import alerts, heartbeats
from sensors.first_start import first_start_sensor
from sensors.market_health import market_health

SYMBOL = "BTC/USDT:USDT"


def tick(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, platform: Platform, cursor: str | None = None
) -> tuple[list[dg.RunRequest], str, str | None]:
    """Run requests, skip message and new cursor of one evaluation."""
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"platform": platform}, definitions=defs
    )
    result = sensor.evaluate_tick(context)
    return list(result.run_requests or []), str(result.skip_message), result.cursor


def past_attempt(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    create_run_for_test(instance, job_name="first_start", status=status)


def test_first_start_is_requested_over_the_whole_history(
    instance: dg.DagsterInstance, platform: Platform
) -> None:
    (request,), _, _ = tick(first_start_sensor, instance, platform)
    assert request.tags[RANGE_START_TAG] == "2024-03-06"
    assert request.tags[RANGE_END_TAG] == "2024-03-15"
    assert request.run_key == "first_start-1"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (dg.DagsterRunStatus.STARTING, "is starting"),
        (dg.DagsterRunStatus.STARTED, "is started"),
        (dg.DagsterRunStatus.SUCCESS, "has succeeded"),
        (dg.DagsterRunStatus.CANCELED, "a person canceled"),
    ],
)
def test_first_start_is_not_requested_again(
    instance: dg.DagsterInstance, platform: Platform, status: dg.DagsterRunStatus, message: str
) -> None:
    past_attempt(instance, status)
    requests, skipped, _ = tick(first_start_sensor, instance, platform)
    assert requests == []
    assert message in skipped


def test_failed_first_start_is_requested_under_a_new_key(
    instance: dg.DagsterInstance, platform: Platform
) -> None:
    past_attempt(instance, dg.DagsterRunStatus.FAILURE)
    (request,), _, _ = tick(first_start_sensor, instance, platform)
    assert request.run_key == "first_start-2"


def test_failed_first_start_pauses_before_the_next_attempt(
    instance: dg.DagsterInstance, platform: Platform
) -> None:
    past_attempt(instance, dg.DagsterRunStatus.STARTED)
    (run,) = instance.get_runs()
    instance.report_run_failed(run)
    (record,) = instance.get_run_records()
    ended = int((record.end_time or 0.0) * 1000)
    soon = Platform(platform.settings, clock=lambda: ended + 1000)
    requests, skipped, _ = tick(first_start_sensor, instance, soon)
    soon.engine.dispose()
    assert requests == []
    assert "attempt 1 failed" in skipped


def test_first_start_is_not_requested_on_a_database_with_decisions(
    instance: dg.DagsterInstance, platform: Platform
) -> None:
    with platform.engine.begin() as connection:
        connection.execute(text(DECIDED_VERDICT))
    requests, skipped, _ = tick(first_start_sensor, instance, platform)
    assert requests == []
    assert "graph is filled" in skipped


DECIDED_VERDICT = """
with version as (
    insert into research.strategy_versions
        (strategy, content_hash, kernel_digest, source, parameters, created_at)
    values ('s', 'h', 'k', '', '{}', now()) returning id
), record as (
    insert into research.records (record_key, begun_at) values ('t', now()) returning id
), task as (
    insert into research.optimizer_tasks
        (record_id, task_key, strategy_version_id, strategy, exchange, symbol, timeframe, searcher, objective,
         seed, window_start, window_end, settings, trigger, status, created_at)
    select record.id, 't', version.id, 's', 'e', 'x', '1h', 'ga', 'sharpe', 1, now(), now(), '{}',
        'test', 'done', now()
    from version, record returning id, strategy_version_id
)
insert into research.verdicts
    (task_id, strategy_version_id, strategy, exchange, symbol, timeframe, parameters, in_sample,
     out_of_sample, gates, paper_passed, capital_passed, decision, reasons, created_at)
select id, strategy_version_id, 's', 'e', 'x', '1h', '{}', '{}', '{}', '[]', false, false, 'rejected', '[]',
    now()
from task
"""


def store_bar(platform: Platform, age_ms: int) -> None:
    """Universe of one symbol whose newest bar closed so long ago."""
    seed_symbols(platform.engine, platform.exchange, [SYMBOL], [SYMBOL], from_ms(platform.clock()))
    ts = (platform.clock() - age_ms) // MINUTE_MS * MINUTE_MS - MINUTE_MS
    price = array([100.0])
    rows = BarRows(array([ts]), price, price, price, price, price, price, array([1]))
    upsert_bars(platform.engine, Series(platform.exchange, SYMBOL, "1m"), rows)


def heartbeat(platform: Platform) -> str:
    with platform.engine.connect() as connection:
        query = select(heartbeats.c.state).where(heartbeats.c.service == "market_health")
        return str(connection.execute(query).scalar_one())


def alert_messages(platform: Platform) -> list[str]:
    with platform.engine.connect() as connection:
        return list(connection.execute(select(alerts.c.message)).scalars())


@pytest.mark.parametrize(("age_ms", "state"), [(2 * MINUTE_MS, "healthy"), (3 * HOUR_MS, "stale")])
def test_health_writes_its_heartbeat_and_asks_for_nothing_at_first(
    instance: dg.DagsterInstance, platform: Platform, age_ms: int, state: str
) -> None:
    store_bar(platform, age_ms)
    requests, _, cursor = tick(market_health, instance, platform)
    assert (requests, cursor, heartbeat(platform)) == ([], state, state)


def test_health_of_an_empty_database_is_empty(instance: dg.DagsterInstance, platform: Platform) -> None:
    tick(market_health, instance, platform)
    assert heartbeat(platform) == "empty"


def test_health_anchors_the_audit_log_outside_of_the_database(
    instance: dg.DagsterInstance, platform: Platform
) -> None:
    with platform.engine.begin() as connection:
        audit.append(connection, "ann", "test.done", "nothing", {})
    tick(market_health, instance, platform)
    assert [one.head.rows for one in read_anchors(Home(platform.home).audit_anchors)] == [1]


def test_health_that_stays_asks_for_nothing(instance: dg.DagsterInstance, platform: Platform) -> None:
    store_bar(platform, 3 * HOUR_MS)
    requests, _, _ = tick(market_health, instance, platform, cursor="stale")
    assert (requests, alert_messages(platform)) == ([], [])


def test_health_that_changes_asks_for_a_refresh_and_alerts(
    instance: dg.DagsterInstance, platform: Platform
) -> None:
    store_bar(platform, 3 * HOUR_MS)
    (request,), _, cursor = tick(market_health, instance, platform, cursor="healthy")
    assert (request.partition_key, cursor) == ("2024-03-15", "stale")
    assert alert_messages(platform) == [f"market data are stale: 1 of 1 symbols have no recent bar: {SYMBOL}"]


def test_health_that_is_well_again_ends_its_alert_and_writes_none(
    instance: dg.DagsterInstance, platform: Platform
) -> None:
    sick = MarketHealth("stale", "1 of 1 symbols have no recent bar", {})
    report_change(platform.engine, sick, platform.clock)
    report_change(platform.engine, MarketHealth("faulty", "1 finding blocks", {}), platform.clock)
    store_bar(platform, 2 * MINUTE_MS)
    tick(market_health, instance, platform, cursor="faulty")
    with platform.engine.connect() as connection:
        rows = connection.execute(select(alerts.c.source, alerts.c.resolved_at).order_by(alerts.c.id)).all()
    now = from_ms(platform.clock())
    assert [tuple(row) for row in rows] == [("market_health:stale", now), ("market_health:faulty", now)]


def test_health_waits_for_the_first_start(instance: dg.DagsterInstance, platform: Platform) -> None:
    store_bar(platform, 2 * MINUTE_MS)
    past_attempt(instance, dg.DagsterRunStatus.STARTED)
    requests, _, cursor = tick(market_health, instance, platform, cursor="empty")
    assert (requests, cursor) == ([], "empty")
