"""The daily replay as a job: a table of deployments, and a check that Dagster shows."""

from datetime import timedelta

import dagster as dg
import pytest

from assets.resources import Platform
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.definitions import build_definitions
from quant_pipelines.store.engine import transaction

pytestmark = pytest.mark.postgres

DEPLOYED = """
with account as (
    insert into trading.accounts (name, venue, currency, capital, created_at)
    values ('paper', 'paper', 'USDT', 1000, :at) returning id
), version as (
    insert into research.strategy_versions
        (strategy, content_hash, kernel_digest, source, parameters, created_at)
    values ('ema_cross', 'h', 'k', 'text', '{}', :at) returning id
)
insert into trading.deployments (account_id, strategy_version_id, strategy, exchange, symbol, timeframe,
    execution_timeframe, parameters, settings, stage, capital, history_start, created_at, stage_changed_at)
select account.id, version.id, 'ema_cross', 'binanceusdm', 'BTC/USDT:USDT', '1m', '1m', '{}', '{}', 'paper',
    1000, :at, :at, :at from account, version
"""


def compared(platform: Platform, instance: dg.DagsterInstance) -> tuple[bool, str, str]:
    """Whether the check of a run passed, what the run told, and its table."""
    resolved = build_definitions(platform).resolve_job_def("daily_parity")
    result = resolved.execute_in_process(instance=instance)
    assert result.success
    (event,) = result.get_asset_materialization_events()
    (check,) = result.get_asset_check_evaluations()
    shown = {name: value.value for name, value in event.materialization.metadata.items()}
    return bool(check.passed), str(shown["told"]), str(shown["days"])


def test_a_day_is_compared_and_what_was_not_replayed_fails_the_check(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    yesterday = from_ms(platform.clock()) - timedelta(days=1)
    assert compared(platform, instance) == (True, f"{yesterday.date()}: nothing was traded", "nothing")
    with transaction(platform.engine) as connection:
        connection.exec_driver_sql(DEPLOYED.replace(":at", "%(at)s"), {"at": yesterday - timedelta(days=1)})
    passed, told, days = compared(platform, instance)
    assert (passed, told.endswith("1 not replayed")) == (False, True)
    assert "nothing was booked on that day" in days
