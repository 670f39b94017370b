"""What is stored is shown as it is stored, page by page, with the time that it stands for."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store import audit
from quant_pipelines.store.tables import hot_exclusions, hotlist, performance_metrics, positions

pytestmark = pytest.mark.postgres


@pytest.fixture
def deployed(gate: Any) -> Any:
    """Client of a gateway whose one deployment has booked five bars and five fills."""
    gate.deployment = gate.deployed()
    gate.at = from_ms(gate.now_ms)
    for number in range(5):
        gate.booked(gate.deployment, gate.at + timedelta(minutes=number))
        gate.filled(gate.deployment, gate.at + timedelta(minutes=number // 2), f"t{number}")
    client = gate.logged_in("whoever")
    client.gate = gate
    return client


def rows(client: Any, path: str, **asked: Any) -> Any:
    answer = client.get(f"/api/v1/{path}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_deployment_is_shown_with_its_book_and_its_curve(deployed: Any) -> None:
    gate = deployed.gate
    (row,) = rows(deployed, "deployments")["rows"]
    told = {name: row[name] for name in ("id", "stage", "equity", "position", "fills", "capital")}
    expected = {"id": gate.deployment, "stage": "paper", "equity": 10_000.0, "position": 1.0}
    assert told == expected | {"fills": 5, "capital": "10000"}
    (curve,) = rows(deployed, "equity", points=3)["rows"]
    assert curve == {"deployment_id": gate.deployment, "equity": [10_000.0] * 3}
    newest = rows(deployed, f"equity/{gate.deployment}", points=3)
    older = rows(deployed, f"equity/{gate.deployment}", points=3, before=newest["next"])
    times = [one["ts"] for one in (*older["rows"], *newest["rows"])]
    assert times == sorted(times)
    assert len(set(times)) == 5
    assert older["next"] is None


def test_fills_of_one_moment_are_cut_by_a_page_and_none_is_lost(deployed: Any) -> None:
    found: list[str] = []
    before: dict[str, str] = {}
    while True:
        page = rows(deployed, "fills", limit=2, **before)
        found += [one["trade_id"] for one in page["rows"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert found == ["t4", "t3", "t2", "t1", "t0"]
    assert rows(deployed, "fills", deployment_id=999)["rows"] == []


@pytest.mark.parametrize("cursor", ["x", "W10=", "WzEsMiwzLDQsNV0=", "é", "bnVsbA=="])
def test_a_place_that_is_none_is_refused(deployed: Any, problem: Any, cursor: str) -> None:
    answer = deployed.get("/api/v1/fills", params={"before": cursor})
    assert problem(answer, 422).endswith("expected `next` of the page before")


def test_what_is_held_has_the_last_price_and_its_time(deployed: Any) -> None:
    gate = deployed.gate
    held = {"symbol": "BTC/USDT:USDT", "entry_price": 990, "realized_pnl": 0, "updated_at": gate.at}
    with gate.engine.begin() as connection:
        for symbol, quantity in (("BTC/USDT:USDT", Decimal("0.30")), ("ETH/USDT:USDT", Decimal(0))):
            values = held | {"symbol": symbol, "quantity": quantity, "deployment_id": gate.deployment}
            connection.execute(insert(positions).values(values))
    (row,) = rows(deployed, "positions")["rows"]
    assert (row["quantity"], row["price"]) == ("0.30", 1000.0)
    assert row["price_at"].startswith((gate.at + timedelta(minutes=4)).isoformat()[:19])


def test_scorecards_of_a_deployment_are_shown_and_of_none_are_404(deployed: Any, problem: Any) -> None:
    gate = deployed.gate
    card = {"deployment_id": gate.deployment, "days": 9, "metrics": {"sharpe": 1.5}}
    with gate.engine.begin() as connection:
        connection.execute(insert(performance_metrics).values(card | {"scored_at": gate.at}))
    (row,) = rows(deployed, f"metrics/strategy/{gate.deployment}")["rows"]
    assert (row["days"], row["metrics"]) == (9, {"sharpe": 1.5})
    for path in ("metrics/strategy/999", "equity/999", "verdicts/999"):
        problem(deployed.get(f"/api/v1/{path}"), 404)


def test_hot_coins_are_shown_with_what_their_score_is_made_of(deployed: Any) -> None:
    gate = deployed.gate
    scan = {"scored_at": gate.at, "exchange": "binanceusdm"}
    coin = {"symbol": "SOL/USDT:USDT", "score": 1.5, "rank": 1, "factors": {"turnover": {"weight": 0.3}}}
    out = {"symbol": "ADA/USDT:USDT", "filter": "volume", "sentence": "too little is traded"}
    with gate.engine.begin() as connection:
        connection.execute(insert(hotlist).values(scan | coin | {"flags": [], "labels": {}}))
        connection.execute(insert(hot_exclusions).values(scan | out))
    told = rows(deployed, "hotlist")
    assert told["rows"][0]["factors"] == {"turnover": {"weight": 0.3}}
    assert told["excluded"] == [out]


def test_the_audit_log_is_read_by_what_it_says_and_page_by_page(deployed: Any) -> None:
    gate = deployed.gate
    with gate.engine.begin() as connection:
        ids = [audit.append(connection, "ann", "a", f"x:{number % 2}", {"n": number}) for number in range(4)]
    page = rows(deployed, "audit/logs", subject="x:1", limit=1)
    assert [one["id"] for one in page["rows"]] == [ids[3]]
    assert page["row_version"] == ids[3]
    below = rows(deployed, "audit/logs", subject="x:1", limit=2, before=page["next"])
    assert ([one["detail"] for one in below["rows"]], below["next"]) == ([{"n": 1}], None)
    assert rows(deployed, "audit/logs", actor="bob")["rows"] == []
