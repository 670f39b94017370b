"""The plan of the day as a job: made once, then shown again, target against actual."""

from typing import Any

import dagster as dg
import pytest
from sqlalchemy import text

from assets.resources import Platform
from quant_pipelines.definitions import build_definitions
from quant_pipelines.store.engine import transaction

pytestmark = pytest.mark.postgres

DEPLOYMENT = """
with account as (
    insert into trading.accounts (name, venue, currency, capital, created_at)
    values ('paper', 'paper', 'USDT', 100000, now()) returning id
), family as (
    insert into research.strategies values ('ema_cross', '', now()) returning name
), version as (
    insert into research.strategy_versions
        (strategy, content_hash, kernel_digest, source, parameters, created_at)
    select name, 'h', 'k', '', '{}', now() from family returning id
)
insert into trading.deployments
    (account_id, strategy_version_id, strategy, exchange, symbol, timeframe, execution_timeframe, parameters,
     settings, stage, capital, history_start, created_at, stage_changed_at)
select account.id, version.id, 'ema_cross', 'binanceusdm', 'BTC/USDT:USDT', '1h', '1m', '{}', '{}', 'paper',
    10000, now(), now(), now()
from account, version
"""


def shared_out(platform: Platform, instance: dg.DagsterInstance) -> dict[str, Any]:
    resolved = build_definitions(platform).resolve_job_def("daily_allocation")
    result = resolved.execute_in_process(instance=instance)
    assert result.success
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_job_plans_and_shows_why_nothing_was_changed(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    assert shared_out(platform, instance)["accounts"] == "nothing"
    with transaction(platform.engine) as connection:
        connection.execute(text(DEPLOYMENT))
    first, again = shared_out(platform, instance), shared_out(platform, instance)
    assert first == again
    assert first["refused"] == 1
    assert "weights_sum_to_nothing" in first["accounts"]
    assert first["weights"] == "nothing"
