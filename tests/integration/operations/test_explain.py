"""Why an order, why none: each answer is the journal's own."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, update

from quant_pipelines.core.errors import DataError
from quant_pipelines.operations import halts, stages
from quant_pipelines.operations.explain import explain_bar, explain_order
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.outages import follow_standing, wait_of
from quant_pipelines.store.tables import epochs, equity, fills, intents, orders, signals
from quant_pipelines.store.views import current_deployments

pytestmark = pytest.mark.postgres
BTC, ETH, SOL = "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"
EXCHANGE = "binanceusdm"


@pytest.fixture
def deployment_id(world: Any) -> int:
    world.market()
    return int(world.deployment())


def bar(world: Any, minutes_ago: float) -> Any:
    return world.now - timedelta(minutes=minutes_ago)


def decide(world: Any, deployment_id: int, reason: str, *, orders_too: bool = False) -> None:
    """Decision on the bar that closed ten minutes ago; with an order that was filled if asked for."""
    close = bar(world, 10)
    key = {"deployment_id": deployment_id, "bar_close": close}
    decision = {"reason": reason, "order_quantity": 0.5 if orders_too else 0.0}
    name = {"client_order_id": "q1-1-a-t"}
    with world.engine.begin() as connection:
        row = {"target": 1.0, "price": 100.0, "decision": decision, "decided_at": close}
        connection.execute(insert(signals).values(key | row))
        if not orders_too:
            return
        epoch = connection.execute(
            insert(epochs).values(writer="test", started_at=close).returning(epochs.c.id)
        ).scalar_one()
        intent = {"side": "buy", "quantity": 0.5, "order_type": "market", "purpose": "target"}
        intent |= {"decision_price": Decimal(98), "arrival_price": Decimal(99)}
        stamp = {"symbol": BTC, "epoch": epoch, "committed_at": close}
        connection.execute(insert(intents).values(name | key | intent | stamp))
        state = {"status": "FILLED", "filled_quantity": 0.5, "updated_at": close}
        connection.execute(insert(orders).values(name | state))
        for trade, reference in (("p1-1", "q1-1-a-t"), ("p1-2", None)):
            fill = {"venue": "paper", "symbol": BTC, "trade_id": trade, "client_order_id": reference}
            amounts = {
                "side": "buy",
                "quantity": 0.5,
                "price": 100,
                "fee": 0.1,
                "ts": close,
                "booked_at": close,
            }
            why = {"reason": "target" if reference else "hard_stop", "deployment_id": deployment_id}
            connection.execute(insert(fills).values(fill | amounts | why))


def answer(world: Any, symbol: str = BTC, minutes_ago: float = 10) -> str:
    document = explain_bar(world.engine, EXCHANGE, symbol, bar(world, minutes_ago))
    return str(document["deployments"][0]["answer"] if document["deployments"] else document["answer"])


@pytest.mark.parametrize("reference", ["q1-1-a-t", "p1-1"])
def test_order_and_its_trade_have_one_chain(world: Any, deployment_id: int, reference: str) -> None:
    decide(world, deployment_id, "order", orders_too=True)
    chain = explain_order(world.engine, reference)
    assert chain["deployment"]["id"] == deployment_id
    assert chain["verdict"]["decision"] == "admitted"
    assert chain["signal"]["target"] == 1.0
    assert chain["order"]["status"] == "FILLED"
    assert [fill["trade_id"] for fill in chain["fills"]] == ["p1-1"]
    assert chain["answer"] == "target 1 at 100; order; buy 0.5, FILLED, 1 fills"


def test_order_tells_its_cost_against_the_arrival_price_with_fees_apart(
    world: Any, deployment_id: int
) -> None:
    decide(world, deployment_id, "order", orders_too=True)
    cost = explain_order(world.engine, "q1-1-a-t")["cost"]
    assert (cost["arrival_price"], cost["shortfall"], cost["fees"]) == (99, Decimal("0.5"), Decimal("0.1"))
    assert (round(cost["shortfall_bps"], 3), round(cost["fee_bps"], 3)) == (
        Decimal("101.010"),
        Decimal("20.202"),
    )
    with world.engine.connect() as connection:
        [row] = current_deployments(connection)
    assert round(row["shortfall_bps"], 3) == Decimal("101.010")
    assert round(row["fee_bps"], 3) == Decimal("20.202")


def test_stop_of_the_broker_says_that_nobody_decided(world: Any, deployment_id: int) -> None:
    decide(world, deployment_id, "order", orders_too=True)
    assert "a hard_stop of the broker" in explain_order(world.engine, "p1-2")["answer"]


def test_unknown_order_is_refused(world: Any) -> None:
    with pytest.raises(DataError, match="'nothing' is neither an order nor a trade"):
        explain_order(world.engine, "nothing")


def test_decision_without_an_order_gives_its_reason(world: Any, deployment_id: int) -> None:
    decide(world, deployment_id, "position and target agree")
    assert answer(world).endswith("no order (position and target agree)")
    assert answer(world, minutes_ago=0).endswith("no order (position and target agree)")


def test_deployment_that_came_later_says_so(world: Any, deployment_id: int) -> None:
    assert "it was deployed later" in answer(world, minutes_ago=60 * 24 * 40)


def test_halt_is_named(world: Any, deployment_id: int, ann: Signature) -> None:
    halts.halt(world.engine, ann, scope="account", clock=world.clock)
    assert answer(world, minutes_ago=0).endswith(f"halted by ann: {ann.reason}")


def test_deployment_that_rests_says_so(world: Any, deployment_id: int, ann: Signature) -> None:
    stages.disable(world.engine, ann, deployment_id=deployment_id, clock=world.clock)
    assert "it is cooling since" in answer(world, minutes_ago=0)


def test_absent_runner_is_told_from_a_missing_decision(world: Any, deployment_id: int) -> None:
    assert "no bar was booked then" in answer(world)
    row = {"deployment_id": deployment_id, "ts": bar(world, 10), "cash": 1, "position": 0, "price": 1}
    with world.engine.begin() as connection:
        connection.execute(insert(equity).values(**row, equity=1))
    assert "no decision on a bar of 1h is journaled" in answer(world)


def test_decision_that_was_prevented_gives_its_reason_and_its_end(world: Any, deployment_id: int) -> None:
    scope, begin = wait_of(f"deployment:{deployment_id}"), bar(world, 10)
    sentence = "no decision on the bar that closed at 12:00:00 UTC: the venue is away"
    follow_standing(world.engine, scope, [Alert("warning", scope, sentence, begin)], begin)
    assert answer(world) == sentence
    follow_standing(world.engine, scope, [], bar(world, 8))
    assert answer(world) == f"{sentence}, until {bar(world, 8):%Y-%m-%d %H:%M:%S} UTC"
    assert answer(world, minutes_ago=7) != sentence


def test_order_that_was_never_sent_says_why_and_not_that_a_rule_denied_it(
    world: Any, deployment_id: int
) -> None:
    decide(world, deployment_id, "order", orders_too=True)
    why = {"status": "DENIED", "reason": "woke 12.3 s after its decision"}
    with world.engine.begin() as connection:
        connection.execute(update(orders).values(**why))
    chain = explain_order(world.engine, "q1-1-a-t")
    assert chain["answer"].endswith("never sent: woke 12.3 s after its decision, 1 fills")
    assert "q1-1-a-t (never sent: woke 12.3 s after its decision)" in answer(world)


def test_late_decision_says_how_late_and_why(world: Any, deployment_id: int) -> None:
    decide(world, deployment_id, "order")
    late = {"reason": "order", "late_seconds": 19.2, "waited_for": "the venue is away"}
    with world.engine.begin() as connection:
        connection.execute(update(signals).values(decision=late))
    assert ", 19 s late (the venue is away), on target 1" in answer(world)


def test_symbol_that_is_not_deployed_gives_its_verdicts_or_its_place(world: Any, deployment_id: int) -> None:
    assert "is not on the whitelist" in answer(world, SOL)
    with pytest.raises(DataError, match="did you mean"):
        answer(world, "BTC/USDT")
