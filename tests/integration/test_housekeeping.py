"""What nobody asks for any more goes; what was decided or traded stays, and each table has its rule."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from sqlalchemy import Engine, insert

from jobs.housekeeping import FREQUENT, delete_old_runs
from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.retention_settings import RetentionSettings
from quant_pipelines.store.housekeeping import EXPIRIES, delete_expired
from quant_pipelines.store.tables import alert_deliveries, logins, performance_metrics
from quant_pipelines.store.tables.base import metadata

pytestmark = pytest.mark.postgres
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAYS = RetentionSettings(scores_days=10, work_days=5)

BY_MONTH = {"market.bars", "market.bar_versions", "market.trades", "market.book_snapshots"}
"""Go by whole months, ``market.keep_*``."""
WITH_THEIR_OWNER = {"research.search_units"}
BOUNDED = {
    "ops.audit_head",
    "ops.bus_events",
    "ops.heartbeats",
    "ops.live_state",
    "ops.rate_budgets",
    "ops.users",
    "research.strategy_library",
    "trading.accounts",
    "trading.positions",
    "trading.trigger_states",
}
"""One row for each of the few that there are."""
RECORDS = {
    # what was decided is replayed on them
    "market": (
        "bar_confirmations bar_revisions circulating_supplies data_findings fetched_days "
        "funding_rates hot_exclusions hot_usefulness hot_weights hotlist imported_files index_prices "
        "instruments mark_prices open_interest price_factors regimes universe venue_limits whitelist "
        "whitelist_exits"
    ),
    # who did what, and who was told
    "ops": "alerts approvals audit_logs",
    # a record never changes, and a search is replayed to the same numbers
    "research": (
        "acknowledged_looks backtests capital_looks capital_results combinatorial_splits "
        "combinatorial_studies folds optimization_requests optimizer_tasks record_days records "
        "searched_units strategies strategy_trials strategy_versions trials verdicts"
    ),
    # orders, fills and money, and the bars that they were decided on
    "trading": (
        "allocation_plans allocation_rows balances book_openings capital_changes certificates "
        "challenges checkpoints deployments epochs equity equity_days fills income intents orders "
        "parity_causes parity_days pins risk_limits signals strategy_quotas transfers version_changes "
        "wallet_days"
    ),
}
"""Kept for ever, by schema."""


def test_every_table_has_a_rule() -> None:
    """A new table fails here until somebody has said how long its rows stay."""
    kept = {f"{schema}.{name}" for schema, names in RECORDS.items() for name in names.split()}
    rules = [*EXPIRIES, *BY_MONTH, *WITH_THEIR_OWNER, *BOUNDED, *kept]
    assert sorted(rules) == sorted(table.fullname for table in metadata.sorted_tables)


def insert_rows(engine: Engine) -> None:
    common = {"kind": "browser", "operator": "ann", "role": "viewer", "is_identified": True}
    common |= {"opened_at": ago(20), "seen_at": ago(7)}
    ends = {
        "ended": (ago(-9), ago(6)),
        "over": (ago(6), None),
        "counts": (ago(-1), None),
        "young": (ago(1), None),
    }
    entries = [
        common | {"token_hash": label.encode(), "label": label, "ends_at": end, "ended_at": ended}
        for label, (end, ended) in ends.items()
    ]
    sent = {"channel": "phone", "wait_minutes": 0, "tries": 1, "error": ""}
    states = (("delivered", 6), ("failed", 6), ("waiting", 6), ("delivered", 1))
    deliveries = [
        sent
        | {"alert_id": alert, "state": state, "due_at": ago(days)}
        | {"delivered_at": ago(days) if state == "delivered" else None}
        for alert, (state, days) in enumerate(states)
    ]
    moments = [ago(12) + timedelta(hours=8 * number) for number in range(37)]
    cards = [
        {"deployment_id": one, "scored_at": at, "days": 1, "metrics": {}} for one in (1, 2) for at in moments
    ]
    with engine.begin() as connection:
        connection.exec_driver_sql("set local session_replication_role = replica")
        connection.execute(insert(logins), entries)
        connection.execute(insert(alert_deliveries), deliveries)
        connection.execute(insert(performance_metrics), cards)


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            name: connection.exec_driver_sql(f"select count(*) from {name}").scalar_one()  # noqa: S608
            for name in EXPIRIES
        }


def test_what_is_over_goes_and_each_old_day_keeps_its_last_scorecard(engine: Engine) -> None:
    insert_rows(engine)
    before = counts(engine)
    gone = delete_expired(engine, DAYS, NOW)
    assert gone == {
        "ops.logins": 2,
        "ops.alert_deliveries": 2,
        "research.search_rounds": 0,
        # 12:00 and 20:00 of day -12 keep 20:00, day -11 keeps 20:00 of three, 04:00 of day -10 goes
        "trading.performance_metrics": 2 * (1 + 2 + 1),
    }
    assert counts(engine) == {name: before[name] - gone[name] for name in EXPIRIES}
    with engine.connect() as connection:
        labels = connection.exec_driver_sql("select label from ops.logins order by id").scalars().all()
        states = (
            connection.exec_driver_sql("select state from ops.alert_deliveries order by id").scalars().all()
        )
    assert (labels, states) == (["counts", "young"], ["waiting", "delivered"])
    assert not any(delete_expired(engine, DAYS, NOW).values())


def test_zero_days_keep_everything(engine: Engine) -> None:
    insert_rows(engine)
    before = counts(engine)
    assert not any(delete_expired(engine, RetentionSettings(0, 0, 0), NOW).values())
    assert counts(engine) == before


@pytest.mark.parametrize("job_name", FREQUENT)
def test_old_runs_of_frequent_jobs_go_and_the_newest_good_one_stays(job_name: str) -> None:
    def run_of(name: str) -> None:
        job = dg.GraphDefinition(name=name, node_defs=[nothing]).to_job()
        job.execute_in_process(instance=instance)

    @dg.op
    def nothing() -> None:
        """Do nothing."""

    with dg.DagsterInstance.ephemeral() as instance:
        for name in (job_name, job_name, "daily_optimization", job_name):
            run_of(name)
        [newest, *_] = instance.get_runs(dg.RunsFilter(job_name=job_name))
        assert delete_old_runs(instance, utc_now() - timedelta(hours=1)) == 0
        assert delete_old_runs(instance, utc_now() + timedelta(hours=1)) == 2
        left = {(run.job_name, run.run_id) for run in instance.get_runs()}
    assert (job_name, newest.run_id) in left
    assert {name for name, _ in left} == {job_name, "daily_optimization"}
    assert len(left) == 2
