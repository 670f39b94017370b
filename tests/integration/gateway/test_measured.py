"""What the rows say, as Prometheus reads it; one stored world, looked at as a gateway looks."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.gateway.console.freshness import ALLOWANCES
from quant_pipelines.gateway.measured import Measured
from quant_pipelines.stack.home import Home
from quant_pipelines.store.engine import connected
from quant_pipelines.store.heartbeats import Heartbeat, halt_alert, write_alert, write_heartbeat
from quant_pipelines.store.search_queue import QueuedUnit, Release, RoundTerms, open_round
from quant_pipelines.store.tables import equity
from quant_pipelines.telemetry.registry import ProcessMetrics, Sample
from quant_pipelines.trading.breaker import Trip
from tests.integration.gateway.console_world import fill_world

pytestmark = pytest.mark.postgres


def shown(samples: list[Sample]) -> dict[str, dict[tuple[str, ...], float]]:
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for one in samples:
        found.setdefault(one.name, {})[one.labels] = one.value
    return found


def test_rows_and_services_are_shown_with_their_ages(engine: Engine, tmp_path: Path) -> None:
    world = fill_world(engine)
    states = [{"id": 1, "state": "REDUCING"}]
    accounts = [{"id": 7, "nav": 900.0, "peak_nav": 1000.0}, {"id": 8, "nav": None, "peak_nav": 5.0}]
    detail = {"deployments": states, "accounts": accounts}
    write_heartbeat(engine, Heartbeat("live_runner", "REDUCING", world.now, detail))
    write_alert(engine, halt_alert("deployment:1", Trip("failed", "broken"), world.now))
    terms = RoundTerms(Release("1", "k", "r"), 100, 5.0, 60.0)
    open_round(engine, terms, [QueuedUnit("a", "a", None, {}), QueuedUnit("b", "b", None, {})], 5.0)
    home = Home(tmp_path)
    services = [
        {"name": "runner", "state": "running", "pid": os.getpid(), "restarts": 2},
        {"name": "pages", "state": "waiting", "pid": None, "restarts": 0},
        {"name": "database", "state": "done", "pid": None, "restarts": 0},
    ]
    home.write_services({"services": services})
    now = world.now + timedelta(seconds=20)
    measured = Measured(engine, home, "binanceusdm", lambda: to_ms(now))
    metrics = ProcessMetrics("gateway", measured.read)
    found = shown(measured.read())
    assert found["quant_database_up"] == {(): 1.0}
    assert found["quant_service_up"] == {("runner",): 1.0, ("pages",): 0.0}
    assert found["quant_service_restarts"][("runner",)] == 2.0
    assert found["quant_service_memory_bytes"][("runner",)] > 10**7
    assert found["quant_trading_state"] == {("1", "REDUCING"): 1.0}
    assert found["quant_account_equity_quote"] == {("7",): 900.0}
    assert found["quant_drawdown_ratio"] == {("7",): pytest.approx(0.1)}
    assert found["quant_halts"] == {(): 1.0}
    assert found["quant_alerts_open"] == {(): 2.0}
    assert found["quant_search_units"] == {("waiting",): 2.0}
    assert found["quant_service_beat_age_seconds"][("market_health",)] == 20.0
    [(book, share)] = found["quant_exposure_ratio"].items()
    with engine.begin() as connection:
        newest = select(equity.c.price, equity.c.equity).where(equity.c.deployment_id == int(book[0]))
        price, worth = connection.execute(newest.order_by(equity.c.ts.desc()).limit(1)).one()
    assert share == pytest.approx(0.5 * price / worth)
    assert found["quant_equity_quote"][book] == worth
    assert found["quant_wallet_quote"].popitem()[1] == 4321.5
    assert found["quant_source_age_seconds"][("runner",)] == 20.0
    runner = {
        state: value for (source, state), value in found["quant_source_state"].items() if source == "runner"
    }
    assert runner == {"fresh": 0.0, "late": 1.0, "stale": 0.0, "unknown": 0.0}
    assert {source for source, _ in found["quant_source_state"]} <= set(ALLOWANCES)
    # Nothing of it is refused, and all of it is declared.
    assert metrics.value("quant_halts") == 1.0
    assert [reason for reason in ("name", "value", "labels") if _refused(metrics, reason)] == []


def _refused(metrics: ProcessMetrics, reason: str) -> float:
    return metrics.value("quant_metric_refused_total", {"reason": reason})


def test_rows_are_read_once_in_five_seconds(engine: Engine, tmp_path: Path) -> None:
    world = fill_world(engine)
    clock = [to_ms(world.now)]
    measured = Measured(engine, Home(tmp_path), "binanceusdm", lambda: clock[0])
    assert shown(measured.read())["quant_halts"] == {(): 0.0}
    write_alert(engine, halt_alert("deployment:1", Trip("failed", "broken"), world.now))
    clock[0] += 4_999
    assert shown(measured.read())["quant_halts"] == {(): 0.0}
    clock[0] += 1
    assert shown(measured.read())["quant_halts"] == {(): 1.0}


def test_a_database_that_is_away_is_one_of_the_numbers(tmp_path: Path) -> None:
    Home(tmp_path).services_file.write_text(json.dumps({"services": []}))
    with connected("postgresql://nobody@127.0.0.1:1/none") as engine:
        measured = Measured(engine, Home(tmp_path), "binanceusdm")
        assert measured.read() == [Sample("quant_database_up", 0.0)]
