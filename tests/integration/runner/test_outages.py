"""A venue, data or a database that is away is seen within 15 seconds, once, with its end."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.clock import system_clock_ms, utc_now
from quant_pipelines.operations.explain import explain_bar
from quant_pipelines.operations.halts import runner_status
from quant_pipelines.store.heartbeats import Alert, Heartbeat, write_heartbeat
from quant_pipelines.store.outages import OUTAGE, follow_standing
from tests.integration.runner.stage import stage_at
from tests.integration.runner.venue_world import SYMBOL, deploy_canary, is_protected, runner, until
from tests.integration.runner.world import execute, rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

Deploy = Callable[..., int]
STANDING = "select source, message from ops.alerts where source like 'outage:%' and resolved_at is null"


def test_a_venue_that_goes_away_is_seen_within_15_seconds_by_status_alert_and_explain(
    engine: Engine, database_url: str, deploy: Deploy, tmp_path: Path
) -> None:
    deploy_canary(deploy)
    execute(engine, "insert into market.universe values ('binanceusdm', 'BTC/USDT:USDT', now())")

    async def scenario() -> float:
        async with AsyncExitStack() as stack:
            opened = AsyncExitStack()
            stage = await opened.enter_async_context(stage_at(tmp_path, clock=system_clock_ms))
            await stack.enter_async_context(runner(engine, database_url, stage))
            await until(lambda: is_protected(engine))
            assert rows(engine, STANDING) == []
            await opened.aclose()
            begun = time.monotonic()
            await until(lambda: runner_status(engine, system_clock_ms)["state"] == "WAITING", 30)
            await until(lambda: rows(engine, STANDING), 30)
            return time.monotonic() - begun

    assert asyncio.run(scenario()) < 15
    status = runner_status(engine, system_clock_ms)
    (venue, *_) = status["outages"]
    assert venue["what"] == "venue"
    assert venue["sentence"].startswith("binanceusdm ")
    told = explain_bar(engine, "binanceusdm", SYMBOL, utc_now())
    assert "binanceusdm" in told["answer"]


def test_an_outage_is_one_alert_with_its_end(engine: Engine) -> None:
    begin = utc_now()
    alert = Alert("warning", "outage:venue", "binanceusdm has not answered since 12:00", begin)
    for seconds in (0, 5):
        follow_standing(engine, OUTAGE, [alert], begin + timedelta(seconds=seconds))
    follow_standing(engine, OUTAGE, [], begin + timedelta(seconds=9))
    follow_standing(engine, OUTAGE, [], begin + timedelta(seconds=14))
    assert rows(engine, "select at, resolved_at from ops.alerts") == [(begin, begin + timedelta(seconds=9))]


@pytest.mark.parametrize(("age", "what"), [(1, "data"), (20, "runner")])
def test_a_runner_that_is_silent_is_itself_an_outage(engine: Engine, age: float, what: str) -> None:
    told: dict[str, Any] = {"outages": [{"what": "data", "since": None, "sentence": "no fresh data"}]}
    at = utc_now() - timedelta(seconds=age)
    write_heartbeat(engine, Heartbeat("live_runner", "WAITING", at, told))
    assert [one["what"] for one in runner_status(engine, system_clock_ms)["outages"]] == [what]
