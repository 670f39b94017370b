"""What pages of the console judge of stored values: luck in words, drift, stops, plans, beats."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from quant_pipelines.gateway.console.books import heads_of
from quant_pipelines.gateway.console.capital import StressMarket, scales_of, stressed_of
from quant_pipelines.gateway.console.hot_coins import split_factors
from quant_pipelines.gateway.console.pulse import PageBeat, told_beats
from quant_pipelines.gateway.console.stops import KINDS, kinds_used, standing
from quant_pipelines.gateway.console.verdict import drift_of, luck_words
from quant_pipelines.gateway.reading_models import DeploymentView, LegView, PositionView
from quant_pipelines.pnl.stress import stress
from quant_pipelines.sdk.stops import KINDS as DECLARED

NOW = datetime(2025, 6, 10, 12, tzinfo=UTC)


@dataclass
class Book:
    parameters: dict[str, Any] = field(default_factory=dict)


def held(deployment_id: int, stop: str | None) -> PositionView:
    told: dict[str, Any] = {"strategy": "x", "symbol": "BTC/USDT:USDT", "timeframe": "1h", "quantity": "1"}
    told |= {"entry_price": "100", "realized_pnl": "0", "updated_at": NOW, "price_at": NOW}
    return PositionView(**told, deployment_id=deployment_id, price=100.0, stop_price=stop)


def test_every_stop_that_a_strategy_may_declare_has_its_row() -> None:
    assert list(KINDS) == list(DECLARED)
    books: Any = [Book({"fast": 3, "hard_stop": 0.05}), Book({"hard_stop": 0.1})]
    used = {kind.name: [use.value for use in kind.uses] for kind in kinds_used(books)}
    assert used.pop("hard_stop") == [0.05, 0.1]
    assert not any(used.values())


def test_a_position_without_a_stop_comes_before_the_nearest_one() -> None:
    found = standing([held(1, "90"), held(2, None), held(3, "105")])
    assert [one.row.deployment_id for one in found] == [2, 3, 1]
    assert found[2].distance == pytest.approx(-0.1)


def test_factors_that_weigh_come_first_and_what_is_only_watched_stands_apart() -> None:
    coins = [
        {"funding": {"weight": 0.1}, "strength": {"weight": 0}, "turnover": {"weight": -0.25}},
        {"strength": {"weight": 0.0}, "spread": 2.0},
    ]
    assert split_factors(coins) == (["spread", "turnover", "funding"], ["strength"])


def test_luck_is_told_with_when_more_is_known() -> None:
    told = luck_words(
        {"pbo": 0.41, "probability_of_loss": 0.3},
        {"psr": 0.88, "days": 90, "minimum_track_record_days": 212.4},
    )
    assert "90 days as good as these come in 12 % of cases" in told[0]
    assert "122 more days" in told[1]
    assert "41 % of splits, and loses money in 30 %" in told[2]


def test_luck_of_a_record_that_leads_nowhere_or_is_not_there_is_told_as_such() -> None:
    assert "no number of days" in luck_words({}, {"psr": 0.2, "days": 90})[1]
    assert luck_words({}, {}) == ["Nothing can be told of luck yet: there are no days out of sample."]


def test_drift_counts_changes_from_fold_to_fold() -> None:
    (one,) = drift_of([{"fast": 3}, {"fast": 5}, {"fast": 5}])
    assert (one.name, one.changes, one.values) == ("fast", 1, [3, 5, 5])
    assert drift_of([]) == []


def book(deployment_id: int, capital: str, equity: float | None, *legs: int) -> DeploymentView:
    own = [LegView(id=leg, symbol="BTC/USDT:USDT", equity=None, position=None) for leg in legs]
    told: Any = {"id": deployment_id, "capital": Decimal(capital), "equity": equity, "legs": own}
    return DeploymentView.model_construct(**told)


def plan(outcome: str, **capital: str) -> dict[str, Any]:
    rows = [{"deployment_id": int(one[1:]), "capital": Decimal(given)} for one, given in capital.items()]
    return {"outcome": outcome, "rows": rows}


def test_a_plan_pays_a_book_the_difference_and_its_positions_follow_its_equity() -> None:
    rows = [book(1, "1000", 2500.0), book(2, "1000", 100.0), book(3, "1000", 1000.0), book(4, "900", 500.0)]
    plans = [plan("proposed", d1="0", d2="1400"), plan("proposed", d3="1000", d4="100", d9="7")]
    assert scales_of(plans, rows) == pytest.approx({1: 0.6, 2: 5.0, 3: 1.0, 4: 0.0})


def test_a_book_of_no_or_unknown_worth_has_no_scale() -> None:
    rows = [book(1, "100", None), book(2, "100", 0.0), book(3, "100", -5.0)]
    assert scales_of([plan("proposed", d1="50", d2="50", d3="50")], rows) == {}


def test_legs_are_scaled_as_their_set_is() -> None:
    assert scales_of([plan("proposed", d1="500")], [book(1, "1000", 2000.0, 2, 3)]) == dict.fromkeys(
        (1, 2, 3), 0.75
    )


def test_what_is_of_a_leg_leads_to_its_set() -> None:
    assert heads_of([book(1, "1", 1.0, 2, 3), book(4, "1", None)]) == {1: 1, 2: 1, 3: 1, 4: 4}


@pytest.mark.parametrize("outcome", ["applied", "refused"])
def test_a_plan_that_is_not_proposed_is_not_stressed(outcome: str) -> None:
    assert scales_of([plan(outcome, d1="500")], [book(1, "1000", 2000.0)]) == {}


def test_a_position_without_a_booked_price_makes_a_stress_unknown() -> None:
    known, unknown = held(1, None), held(2, None).model_copy(update={"price": None})
    market = StressMarket({"BTC/USDT:USDT": 0.05}, {"BTC/USDT:USDT": 0.001})
    assert [one.before for one in stress(stressed_of([known], {}, market))] == pytest.approx(
        [-30, -11.65, -1]
    )
    outcomes = stress(stressed_of([known, unknown], {}, market))
    assert all(math.isnan(one.before) and math.isnan(one.after) for one in outcomes)


def looking_at(*changes: str) -> Callable[[], Awaitable[PageBeat]]:
    """Newest change at each look; the last one stays."""
    left = list(changes)

    async def look() -> PageBeat:
        return PageBeat(left.pop(0) if len(left) > 1 else left[0], "at")

    return look


async def beats_of(seconds: float, *changes: str) -> list[str]:
    return [beat.change async for beat in told_beats(looking_at(*changes), seconds)]


def test_a_change_is_told_at_once_and_nothing_new_once_a_second() -> None:
    assert asyncio.run(beats_of(0.35, "a", "a", "b", "b")) == ["a", "b"]
