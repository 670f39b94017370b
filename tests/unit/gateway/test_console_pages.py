"""What pages of the console judge of stored values: luck in words, drift, stops, plans, beats."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from quant_pipelines.gateway.console.capital import scales_of
from quant_pipelines.gateway.console.pulse import PageBeat, told_beats
from quant_pipelines.gateway.console.stops import KINDS, kinds_used, standing
from quant_pipelines.gateway.console.verdict import drift_of, luck_words
from quant_pipelines.gateway.reading_models import PositionView
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


def test_a_plan_changes_positions_by_what_its_capital_is_to_that_of_now() -> None:
    rows = [{"deployment_id": one, "capital": Decimal(50)} for one in (1, 2, 3, 9)]
    capital = {1: Decimal(100), 2: Decimal(50), 3: Decimal(0), 4: Decimal(7)}
    assert scales_of([{"rows": rows}], capital) == {1: 0.5, 2: 1.0}


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
