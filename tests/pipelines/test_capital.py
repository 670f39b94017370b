"""The weekly look as a job: it looks once, and shows the look again until the next week is over."""

from datetime import date, timedelta
from typing import Any

import dagster as dg
import numpy as np
import pytest
from sqlalchemy import insert

from assets.resources import Platform
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.definitions import build_definitions
from quant_pipelines.optimize.capital import newest_look_day
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.research import open_task
from quant_pipelines.store.tables import record_days

pytestmark = pytest.mark.postgres


def looked(platform: Platform, instance: dg.DagsterInstance) -> dict[str, Any]:
    """Metadata of a run of the job."""
    resolved = build_definitions(platform).resolve_job_def("capital_look")
    result = resolved.execute_in_process(instance=instance)
    assert result.success
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def keep_record(platform: Platform, until: date) -> None:
    """A record of a year that holds nothing and loses a little."""
    version = {"strategy": "ema_cross", "description": "", "content_hash": "h", "kernel_digest": "k"}
    unit = {"strategy": "ema_cross", "exchange": platform.exchange, "symbol": "BTC", "timeframe": "1h"}
    how = {"searcher": "ga", "objective": "sharpe", "seed": 1, "trigger": "daily", "settings": {"job": {}}}
    window = {"window_start": from_ms(0), "window_end": from_ms(DAY_MS), "task_key": "a1", "record_key": "a1"}
    task = open_task(platform.engine, version | {"source": "", "parameters": {}}, unit | how | window)
    days = 0.01 * np.random.default_rng(1).standard_normal(365) - 0.001
    shared = {"record_id": task.record_id, "fold": 0, "is_warm": True, "cover": [], "trades": []}
    rows = [
        shared | {"day": until - timedelta(days=at), "daily_return": float(value), "computed_at": from_ms(0)}
        for at, value in enumerate(days)
    ]
    with transaction(platform.engine) as connection:
        connection.execute(insert(record_days), rows)


def test_the_job_looks_once_and_then_shows_the_look_again(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    empty = looked(platform, instance)
    assert (empty["is_taken"], "records" in empty) == (False, False)
    assert "no record has 60 days" in empty["told"]
    day = newest_look_day(from_ms(platform.clock()).date() - timedelta(days=1))
    keep_record(platform, day)
    first, again = looked(platform, instance), looked(platform, instance)
    assert (first["is_taken"], again["is_taken"]) == (True, False)
    assert f"the look of {day} was taken already" in again["told"]
    shown = {name: value for name, value in again.items() if name not in ("told", "is_taken")}
    assert shown == {name: first[name] for name in shown}
    assert (first["family_size"], first["pools"], first["passed"], first["look_day"]) == (1, 1, 0, str(day))
    assert {"block", "symbol_block", "spa_p", "alpha_spent", "undecided"} <= {*first}
    assert "ema_cross" in first["records"]
