"""Weights of the hot score change at run time, each change with an audit row and within its bounds."""

from collections.abc import Callable
from typing import Any

import pytest

from quant_pipelines.core.errors import ConfigurationError, LifecycleError
from quant_pipelines.hotlist.factors import NAMES
from quant_pipelines.hotlist.usefulness import Usefulness
from quant_pipelines.marketdata.scan import weights_of
from quant_pipelines.operations.coins import record_coin_supply
from quant_pipelines.operations.hot_weights import move_weights, set_hot_weight
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import circulating_supplies, hot_weights
from tests.integration.operations.conftest import BTC, EXCHANGE

pytestmark = pytest.mark.postgres

USEFUL = Usefulness("funding", "return", 24, 2000, 40, 0.05, 0.02, 0.08)


def weights(world: Any) -> dict[str, float]:
    with transaction(world.engine) as connection:
        known = weights_of(connection, EXCHANGE, world.settings.hotlist)
    return {name: one.weight for name, one in known.items()}


def put(world: Any, ann: Signature, factor: str, weight: float) -> Any:
    return set_hot_weight(world.engine, world.settings, ann, factor=factor, weight=weight)


def move(world: Any, *seen: Usefulness) -> list[Any]:
    return move_weights(world.engine, EXCHANGE, world.settings.hotlist, seen, world.clock)


def test_weight_that_a_person_sets_is_in_force_and_audited(world: Any, ann: Signature) -> None:
    receipt = put(world, ann, "momentum", 0.5)
    assert weights(world)["momentum"] == 0.5
    assert receipt.summary == (
        "momentum weighs 0.5 from the next scan on (before: 0); its usefulness moves it between 0.25 and 1"
    )
    (row,) = world.audit()
    assert (row.actor, row.action, row.subject) == ("ann", "hot.weight_set", "factor:momentum")
    assert row.detail == {"reason": "because it looks right", "before": 0.0, "after": 0.5}


@pytest.mark.parametrize(
    ("factor", "weight", "sentence"),
    [
        ("fundng", 0.5, "unknown factor of the hot score 'fundng'"),
        ("funding", -1.0, "weight of funding is -1; expected a number from 0 to 1,000"),
        ("funding", float("nan"), "weight of funding is nan"),
        ("funding", 1e9, r"weight of funding is 1e\+09"),
    ],
)
def test_slip_is_refused_and_changes_nothing(
    world: Any, ann: Signature, factor: str, weight: float, sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        put(world, ann, factor, weight)
    assert (world.rows(hot_weights), world.audit()) == ([], [])


def test_weights_that_sum_to_nothing_are_refused(world: Any, ann: Signature) -> None:
    weighted = [name for name in NAMES if weights(world)[name]]
    for name in weighted[:-1]:
        put(world, ann, name, 0.0)
    with pytest.raises(ConfigurationError, match="is 0 as are all others"):
        put(world, ann, weighted[-1], 0.0)


def test_each_move_has_a_row_and_an_audit_row_and_a_day_has_one(
    world: Any, later: Callable[[float], Any]
) -> None:
    (first,) = move(world, USEFUL)
    assert (first.before, first.after) == (0.1, pytest.approx(0.11))
    assert move(world, USEFUL) == []
    (second,) = move(later(1), USEFUL)
    assert second.before == pytest.approx(0.11)
    assert weights(world)["funding"] == pytest.approx(0.121)
    assert [row["cause"] for row in world.rows(hot_weights)] == ["measured", "measured"]
    assert [(row.actor, row.action, row.subject) for row in world.audit()] == [
        ("hot usefulness", "hot.weight_moved", "factor:funding")
    ] * 2
    assert world.audit()[0].detail["reason"] == first.reason


def test_moves_stop_at_the_bound_around_what_a_person_set(
    world: Any, ann: Signature, later: Callable[[float], Any]
) -> None:
    put(world, ann, "funding", 1.0)
    for day in range(12):
        move(later(day), USEFUL)
    assert weights(world)["funding"] == 2.0
    put(later(13), ann, "funding", 0.2)
    assert weights(world)["funding"] == 0.2


def test_size_of_moves_and_the_score_itself_move_no_weight(world: Any) -> None:
    assert move(world, USEFUL._replace(target="size"), USEFUL._replace(ranking="score")) == []


def test_verb_shows_and_sets(world: Any, quant: Any) -> None:
    code, document, _ = quant("hot", "weights")
    shown = {row["factor"]: row for row in document["weights"]}
    assert (code, list(shown)) == (0, list(NAMES))
    assert (shown["funding"]["low"], shown["funding"]["high"]) == (0.05, 0.2)
    signed = ("--reason", "it leads", "--operator", "ann")
    assert quant("hot", "weights", "funding", "0.3", *signed)[0] == 0
    assert weights(world)["funding"] == 0.3
    code, _, told = quant("hot", "weights", "funding", "0.4")
    assert (code, told) == (
        2,
        "quant: hot weights names no reason; expected --reason: every decision is signed\n",
    )
    code, _, told = quant("hot", "weights", "funding", *signed)
    assert (code, told) == (2, "quant: weight of funding is not given; expected a number from 0 to 1000\n")


def test_supply_is_recorded_with_its_source(world: Any, ann: Signature) -> None:
    world.market()
    record_coin_supply(world.engine, EXCHANGE, ann, supply=19.7e6, symbol=BTC)
    (row,) = world.rows(circulating_supplies)
    assert (row["supply"], row["source"], row["recorded_by"]) == (19.7e6, ann.reason, "ann")
    assert world.audit()[-1].action == "coin.supply"
    with pytest.raises(
        ConfigurationError, match="supply of BTC/USDT:USDT is -1; expected base units above 0"
    ):
        record_coin_supply(world.engine, EXCHANGE, ann, supply=-1.0, symbol=BTC)
    with pytest.raises(LifecycleError, match="unknown symbol of the universe"):
        record_coin_supply(world.engine, EXCHANGE, ann, symbol="XYZ", supply=1.0)


def test_newest_scan_is_listed_with_whom_it_left_out(world: Any, quant: Any) -> None:
    assert quant("hot", "list")[0] == 1
    world.market()
    code, document, _ = quant("hot", "list")
    assert (code, [row["symbol"] for row in document["scores"]]) == (0, [BTC, "ETH/USDT:USDT"])
