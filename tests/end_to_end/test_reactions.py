"""What the daemon does by itself once rows ask for it: a search, a promotion, a rest, a coin's whole way.

Facts only, on the stack that the first start has filled. Rows are seeded; everything after them is done by
the daemon's own sensors, or by a job that is launched through the webserver as the Launchpad launches it.
"""

from typing import Any

import dagster as dg
import psycopg
import pytest

from quant_pipelines.store.database_url import dagster_url

pytestmark = [pytest.mark.end_to_end, pytest.mark.postgres, pytest.mark.timeout(900)]

COIN = "LINK/USDT:USDT"
SIGNED = {"operator": "ann", "reason": "end-to-end test"}
# Deployments beside the real ones: the same strategy and rules, on units that nobody trades. The runner takes
# them up from now on; what they did in the forty days before is seeded.
DEPLOYMENT = """
with real as (select * from trading.deployments order by id limit 1), record as (
    insert into research.records (record_key, begun_at) values (%(timeframe)s, now()) returning id
), task as (
    insert into research.optimizer_tasks
        (record_id, task_key, strategy_version_id, strategy, exchange, symbol, timeframe, searcher, objective,
         seed, window_start, window_end, settings, trigger, status, created_at, finished_at)
    select record.id, %(timeframe)s, strategy_version_id, strategy, exchange, 'XRP/USDT:USDT', %(timeframe)s,
        'ga', 'sharpe', 1, now(), now(), '{}', 'seeded', 'done', now() - interval '40 days',
        now() - interval '40 days'
    from real, record returning id
), verdict as (
    insert into research.verdicts
        (task_id, strategy_version_id, strategy, exchange, symbol, timeframe, parameters, in_sample,
         out_of_sample, gates, paper_passed, capital_passed, decision, reasons, created_at, decided_at)
    select task.id, strategy_version_id, strategy, exchange, 'XRP/USDT:USDT', %(timeframe)s, parameters, '{}',
        '{}', %(gates)s, true, true, 'admitted', '[]', now() - interval '40 days', now() - interval '40 days'
    from real, task returning id
), look as (
    insert into research.capital_looks
        (exchange, year, look_day, first_day, n_days, terms, family_size, pools, block, symbol_block,
         alpha_spent, spa_p, created_at)
    select exchange, %(year)s, make_date(%(year)s, 1, 7), make_date(%(year)s, 1, 1), 7, '{}', 1, 1, 1, 1,
        0.01, 0.01, now()
    from real returning id
), passed as (
    insert into research.capital_results
        (look_id, record_id, strategy, timeframe, symbol, pool, member_id, first_day, is_beyond_tested,
         passed, pool_passed, decision, decided_by)
    select look.id, record.id, strategy, %(timeframe)s, 'XRP/USDT:USDT', strategy, record.id,
        make_date(%(year)s, 1, 1), false, true, true, 'passed', 'symbol'
    from look, real, record
)
insert into trading.deployments
    (account_id, strategy_version_id, verdict_id, strategy, exchange, symbol, timeframe, execution_timeframe,
     parameters, settings, stage, capital, history_start, created_at, stage_changed_at)
select account_id, strategy_version_id, verdict.id, strategy, exchange, 'XRP/USDT:USDT', %(timeframe)s,
    execution_timeframe, parameters, settings, 'paper', capital, history_start, now(),
    now() - interval '41 days'
from real, verdict
returning id
"""
# Each is looked at in a year of its own, after all others: no look of the stack stands in its place.
NEXT_YEAR = "select greatest(max(year), 2100) + 1 from research.capital_looks"
# Equity at each of the last forty midnights: a steady drift with a little noise.
EQUITY = """
insert into trading.equity (deployment_id, ts, cash, position, price, equity)
select %(id)s, date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - (40 - day) * interval '1 day',
    value, 0, 1, value
from (
    select day, 10000 * (1 + %(drift)s::float8) ^ day * (1 + 0.0004 * (day %% 3)) as value
    from generate_series(1, 40) as day
) as days
"""


UNSEEN = (
    '[{"name": "days_unseen", "value": 3, "threshold": 21, "passed": false, "gate": "capital", "detail": ""}]'
)
"""Gates of a verdict that lets nobody climb."""


def seed(stack: Any, timeframe: str, drift: float, gates: str = UNSEEN) -> int:
    """Deployment that has been in paper for forty days, with an equity that drifts so much a day."""
    with psycopg.connect(stack.url()) as connection:
        (year,) = connection.execute(NEXT_YEAR.encode()).fetchone() or (0,)
        (found,) = connection.execute(
            DEPLOYMENT.encode(), {"timeframe": timeframe, "year": year, "gates": gates}
        ).fetchone() or (0,)
        connection.execute(EQUITY.encode(), {"id": found, "drift": drift})
    return int(found)


def look_now(stack: Any, sensor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the daemon evaluate a sensor at its next round instead of in up to five minutes: its last tick is
    forgotten. Should the daemon write it again meanwhile, the regular tick follows.
    """
    folder = stack.home / "dagster"
    monkeypatch.setenv("DAGSTER_PG_URL", dagster_url(stack.url()))
    monkeypatch.setenv("DAGSTER_ARTIFACTS", str(folder / "artifacts"))
    monkeypatch.setenv("DAGSTER_COMPUTE_LOGS", str(folder / "compute_logs"))
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        for state in instance.all_instigator_state():
            if state.instigator_name == sensor:
                instance.delete_instigator_state(state.instigator_origin_id, state.selector_id)


@pytest.fixture(scope="module")
def losing(stack: Any) -> int:
    """Deployment with an equity that fires the performance triggers."""
    stack.wait_for("first start", lambda: runs_that(stack, "first_start", "SUCCESS"), 480)
    return seed(stack, "5m", -0.006)


@pytest.fixture(scope="module")
def proven(stack: Any, losing: int) -> int:
    """Deployment that is ripe for the next stage."""
    return seed(stack, "15m", 0.001, gates="[]")


@pytest.fixture(scope="module")
def steady(stack: Any, losing: int) -> int:
    """Deployment that stays in paper and does well: the other one that culling ranks."""
    return seed(stack, "1h", 0.001)


@pytest.fixture(scope="module")
def approval(stack: Any, losing: int) -> str:
    """Run of the operator's job that approved the coin, launched through the webserver."""
    scored = "select 1 from market.hotlist where symbol = %(coin)s"
    stack.wait_for("hot score", lambda: stack.rows(scored, coin=COIN), 120)
    config = {"ops": {"approve_hot_coin_op": {"config": SIGNED | {"symbol": COIN}}}}
    return str(stack.launch("approve_hot_coin", config))


@pytest.fixture(scope="module")
def ui_backfill(stack: Any, losing: int) -> tuple[str, list[str]]:
    """Backfill of four stored days as the UI launches it: its id and its days."""
    stored = (
        "select distinct to_char(ts at time zone 'UTC', 'YYYY-MM-DD') from market.bars "
        "where timeframe = '1d' order by 1"
    )
    days = [day for (day,) in stack.rows(stored)][2:6]
    launched = stack.graphql(
        "mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) { __typename "
        "... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }",
        p={"partitionNames": days, "assetSelection": [{"path": ["bars_1m"]}], "title": "again"},
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    return str(launched["backfillId"]), days


def runs_that(stack: Any, job: str, status: str, **tags: str) -> list[dict[str, Any]]:
    """Runs of a job with a status and tags; given by short names."""
    names = {"request": "quant/request", "partition": "dagster/partition", "backfill": "dagster/backfill"}
    wanted = {names[name]: value for name, value in tags.items()}
    return [
        run for run in stack.runs(job) if run["status"] == status and wanted.items() <= run["tags"].items()
    ]


def test_performance_trigger_asks_for_a_search_and_the_daemon_runs_it(
    stack: Any,
    losing: int,
    proven: int,
    approval: str,
    ui_backfill: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that this file waits for is launched here, so that the runs overlap."""
    look_now(stack, "performance_triggers", monkeypatch)
    look_now(stack, "promotion_ladder", monkeypatch)
    asked = "select id, evidence from research.optimization_requests where deployment_id = %(losing)s"
    ((request, evidence),) = stack.wait_for("request", lambda: stack.rows(asked, losing=losing), 420)
    assert {one["name"] for one in evidence["triggers"]} >= {"sharpe", "drawdown"}
    found = (
        "select trigger from research.optimizer_tasks "
        "where symbol = 'XRP/USDT:USDT' and timeframe = '5m' and trigger like %(why)s"
    )
    why = f"request {request} (performance)%"
    ((trigger,),) = stack.wait_for("optimizer task", lambda: stack.rows(found, why=why), 300)
    assert "sharpe is -" in trigger
    search = stack.wait_for(
        "search", lambda: runs_that(stack, "focused_optimization", "SUCCESS", request=str(request)), 300
    )
    assert [run["tags"]["dagster/sensor_name"] for run in search] == ["performance_triggers"]


def test_ripe_deployment_is_promoted_by_the_run_of_the_ladders_sensor(stack: Any, proven: int) -> None:
    stage = "select 1 from trading.deployments where id = %(id)s and stage = 'shadow'"
    stack.wait_for("promotion", lambda: stack.rows(stage, id=proven), 420)
    audited = "select actor, detail from ops.audit_logs where subject = %(subject)s"
    ((actor, detail),) = stack.rows(audited, subject=f"deployment:{proven}")
    assert (actor, detail["from"], detail["to"]) == ("promotion ladder", "paper", "shadow")
    (run,) = stack.wait_for(
        "end of the promotion", lambda: runs_that(stack, "promote_deployment", "SUCCESS"), 60
    )
    assert run["tags"]["dagster/sensor_name"] == "promotion_ladder"


def test_culling_lets_the_worst_rest_and_only_it(stack: Any, losing: int, steady: int) -> None:
    stack.launch("culling")
    cooling = "select id from trading.deployments where stage = 'cooling'"
    assert stack.wait_for("rest", lambda: stack.rows(cooling), 180) == [(losing,)]
    disabled = (
        "select actor, detail ->> 'reason' from ops.audit_logs "
        "where subject = %(subject)s and action = 'deployment.disabled'"
    )
    ((actor, reason),) = stack.rows(disabled, subject=f"deployment:{losing}")
    assert actor == "culling"
    assert "the worst of 2 and below zero with confidence" in reason


def test_approved_coin_is_whitelisted_backfilled_and_then_searched(stack: Any, approval: str) -> None:
    listed = "select added_by from market.whitelist where symbol = %(coin)s"
    assert stack.wait_for("whitelist row", lambda: stack.rows(listed, coin=COIN), 180) == [("ann",)]
    stack.wait_for("partition", lambda: COIN in partitions(stack), 120)
    asked = "select id from research.optimization_requests where kind = 'whitelist' and symbol = %(coin)s"
    ((request,),) = stack.rows(asked, coin=COIN)
    (backfill,) = stack.wait_for(
        "backfill", lambda: runs_that(stack, "symbol_backfill", "SUCCESS", request=str(request)), 240
    )
    (search,) = stack.wait_for(
        "search", lambda: runs_that(stack, "focused_optimization", "SUCCESS", request=str(request)), 420
    )
    assert backfill["tags"]["dagster/partition"] == COIN
    assert backfill["endTime"] <= search["creationTime"]
    judged = "select count(*) from research.verdicts where symbol = %(coin)s"
    assert stack.rows(judged, coin=COIN) == [(2,)]


def partitions(stack: Any) -> list[str]:
    """Symbols that have a partition."""
    query = (
        'query { assetNodeOrError(assetKey: {path: ["symbol_history"]}) '
        "{ ... on AssetNode { partitionKeys } } }"
    )
    return list(stack.graphql(query)["assetNodeOrError"]["partitionKeys"])


def test_partition_says_what_is_stored_of_its_symbol(stack: Any, approval: str) -> None:
    query = (
        'query($coins: [String!]) { assetNodeOrError(assetKey: {path: ["symbol_history"]}) '
        "{ ... on AssetNode { assetMaterializations(partitions: $coins, limit: 1) { metadataEntries { label "
        "... on IntMetadataEntry { intValue } ... on TextMetadataEntry { text } } } } } }"
    )
    node = stack.graphql(query, coins=[COIN])["assetNodeOrError"]
    told = node["assetMaterializations"][0]["metadataEntries"]
    values = {one["label"]: one.get("intValue", one.get("text")) for one in told}
    minutes = "select count(*) from market.bars where symbol = %(coin)s and timeframe = '1m'"
    assert 0 < values["bars"] <= stack.rows(minutes, coin=COIN)[0][0]
    assert values["missing"] == 0


def test_backfill_of_a_range_from_the_ui_is_one_run(stack: Any, ui_backfill: tuple[str, list[str]]) -> None:
    backfill, days = ui_backfill
    (run,) = stack.wait_for(
        "backfill", lambda: runs_that(stack, "__ASSET_JOB", "SUCCESS", backfill=backfill), 240
    )
    assert run["tags"]["dagster/asset_partition_range_start"] == days[0]
    assert run["tags"]["dagster/asset_partition_range_end"] == days[-1]
