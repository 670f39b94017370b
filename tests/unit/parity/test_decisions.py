"""Decisions beside those that the replay takes on the same view."""

from typing import Any

import pytest

from quant_pipelines.backtest import BookSettings
from quant_pipelines.backtest.market.readings import NOTHING_YET
from quant_pipelines.parity import DayJournal, JournaledDecision, ReadAhead, ReplayPlan
from quant_pipelines.parity.decisions import decided_otherwise
from quant_pipelines.parity.replay import InForce
from quant_pipelines.sdk import Bars, Strategy
from quant_pipelines.trading import BookView, TradingRules, decide
from tests.unit.parity.days import AT_VENUE, MINUTE

RULES = TradingRules()
PLAN = ReplayPlan(
    Strategy(), BookSettings(1000.0, RULES), MINUTE, MINUTE, lambda close_ms: InForce(RULES.terms)
)
VIEW = BookView(0.0, 1000.0, 100.0, 1000.0, 0.0)


def found(target: float, **more: Any) -> list[tuple[str, str]]:
    """What is found of a runner's decision, where its strategy says ``target`` to the replay."""
    intended = more.pop("intended", {})
    made = JournaledDecision(
        **{"close_ms": MINUTE, "target": 1.0, "view": VIEW, "rules": RULES, "order_quantity": 0.0}
        | {"target_side": 0.0}
        | more
    )
    journal = DayJournal(0, 1440 * MINUTE, None, (), (made,), (), (), AT_VENUE, intended)
    readings = ReadAhead({MINUTE: 0}, [target], lambda row: NOTHING_YET, Bars.of_closes([100.0]))
    return [(one.runner, one.replay) for one in decided_otherwise(journal, PLAN, readings)]


LONG = decide(VIEW, 1.0, RULES).order_quantity
HELD = VIEW._replace(position=-3.0, target_side=-1.0)


def test_the_same_decision_is_found_nowhere() -> None:
    assert found(1.0, order_quantity=LONG, intended={MINUTE: LONG}) == []


CASES = {
    "another side": (1.0, {"order_quantity": -LONG}),
    "another quantity": (1.0, {"order_quantity": LONG / 2}),
    "an order where none is due": (0.0, {"order_quantity": LONG}),
    "no order where one is due": (1.0, {"order_quantity": 0.0}),
    "an order that was sent otherwise": (1.0, {"order_quantity": LONG, "intended": {MINUTE: LONG / 2}}),
    "more than the closing part of a denied order": (
        1.0,
        {"view": HELD, "order_quantity": 4.0, "denied_by": "account_net"},
    ),
    "held though it leaves": (1.0, {"view": HELD, "is_leaving": True}),
}


@pytest.mark.parametrize("name", CASES)
def test_another_decision_is_found(name: str) -> None:
    target, more = CASES[name]
    assert len(found(target, **more)) == 1


@pytest.mark.parametrize("rule", ["account_net", "trading_state"])
def test_what_the_account_denied_leaves_the_closing_part(rule: str) -> None:
    assert found(1.0, view=HELD, order_quantity=3.0, denied_by=rule) == []
    assert found(1.0, order_quantity=0.0, denied_by=rule) == []
