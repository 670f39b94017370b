"""The lab, a verdict's page, a backtest's, candles, stress and stops: what they show, and what they start."""

import re
from typing import Any

import pytest

from quant_pipelines.store.tables import deployments
from tests.integration.gateway.console_world import fill_world
from tests.integration.gateway.lab_world import backtested, search, short, traded_market
from tests.integration.gateway.test_console import field, rows

pytestmark = pytest.mark.postgres


def test_a_verdict_shows_which_rule_decided_luck_equity_folds_maps_front_and_sets(console: Any) -> None:
    world = fill_world(console.gate.engine)
    number = search(world)
    client = console.log_in("viewer")
    page = client.get(f"/console/verdicts/{number}").text
    assert "40 days as good as these come in 20 % of cases" in page
    assert "60 more days tell it from luck" in page
    assert "Decided by" in page
    for title in ("Equity at day ends", "Distance from the peak", "Objective by drawdown", "Sensitivity"):
        assert title in page, title
    assert page.count('class="cell') > 20
    assert "1 of 1" in page  # both parameters changed from the first fold to the second
    assert "40 sets of fold 1, best first" in page
    assert "40 sets of fold 0" in client.get(f"/console/verdicts/{number}?fold=0").text
    assert "No set of this fold" in client.get(f"/console/verdicts/{number}?fold=9").text
    assert client.get(f"/console/verdicts/{number}?fold=-1").status_code == 422
    assert not re.search(r"<[^>]* style=|<style", page)


def test_two_verdicts_stand_beside_each_other_also_where_they_share_no_day(console: Any) -> None:
    world = fill_world(console.gate.engine)
    number = search(world)
    client = console.log_in("viewer")
    page = client.get(f"/console/comparison?first={number}&second={number + 1}")
    assert page.status_code == 200
    assert "They have no day in common" in page.text
    assert "Chosen parameters" in page.text
    same = client.get(f"/console/comparison?first={number}&second={number}").text
    assert same.count("<td>40</td>") == 2
    assert "Equity at day ends" in same
    assert client.get(f"/console/comparison?first={number}&second=999").status_code == 404
    assert client.get("/console/comparison?first=1").status_code == 422


def test_a_backtest_is_started_and_the_lab_lists_and_shows_those_that_ran(console: Any) -> None:
    world = fill_world(console.gate.engine)
    stored = backtested(world)
    client = console.log_in("operator")
    assert "Backtest…" in client.get("/console/strategies").text
    form = client.get("/console/acts/backtest?strategy=ema_cross").text
    asked = {"csrf_token": field(form, "csrf_token"), "strategy": field(form, "strategy"), "timeframe": "1h"}
    asked |= {"symbols": "BTC/USDT:USDT ETH/USDT:USDT", "parameters": "fast=5", "has_stops": "false"}
    done = client.post("/console/acts/backtest", data=asked | {"direction": "LONG", "reason": "a look"})
    assert done.status_code == 303, done.text
    ((job, config, tags),) = console.gate.runs.asked
    told = config["ops"]["run_backtest"]["config"]
    assert (job, told["symbols"], told["has_stops"]) == ("backtest", asked["symbols"].split(), False)
    (row,) = rows(console.gate, "job.asked")
    assert tags["quant/audit_row"] == str(row["id"])
    lab = client.get(done.headers["location"]).text
    assert f"it is row {row['id']} of" in lab
    assert "Run <code>run-1</code> is started" in lab
    assert f"/console/backtests/{stored}" in lab
    assert "1,100.00" in client.get(f"/console/backtests/{stored}").text
    assert client.get("/console/backtests/99").status_code == 404


def test_a_deployment_shows_candles_with_its_fills_and_its_stops(console: Any) -> None:
    world = fill_world(console.gate.engine)
    traded_market(world)
    number = world.rows(deployments)[0]["id"]
    client = console.log_in("viewer")
    page = client.get(f"/console/strategies/{number}").text
    assert "data-ohlc" in page
    assert "60 bars of 1h" in page
    assert client.get(f"/console/strategies/{number}?bars=2000").status_code == 200
    assert client.get(f"/console/strategies/{number}?bars=2001").status_code == 422


def test_stress_and_stops_of_what_is_held(console: Any) -> None:
    world = fill_world(console.gate.engine)
    client = console.log_in("viewer")
    assert "90" in client.get("/console/risk").text
    traded_market(world)
    _, second = (row["id"] for row in world.rows(deployments))
    short(world, second)
    page = client.get("/console/capital").text
    table = re.search(r'<table id="stress">.*?</table>', page, re.DOTALL)
    assert table is not None
    losses = re.findall(r'<td class="(?:loss|gain)?">(-?[\d,.]+)</td>', table.group())
    assert len(losses) == 6
    kinds = re.search(r'<table id="stop-kinds">.*?</table>', client.get("/console/risk").text, re.DOTALL)
    assert kinds is not None
    assert kinds.group().count("no book") == 9
