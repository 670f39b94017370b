"""The decision cycle on a table of situations."""

import math
from dataclasses import dataclass, field

import pytest

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.portfolio import AllIn, Fixed, VolatilityTarget
from quant_pipelines.risk import RULES, Denial, RiskLimits, Rule
from quant_pipelines.trading import BookView, Specification, TradingRules, decide

FREE = CostSettings(0.0, 0.0)


def rules(**changes: object) -> TradingRules:
    return TradingRules(**({"costs": FREE, "sizing": Fixed(2.0)} | changes))  # type: ignore[arg-type]


def view(position: float = 0.0, side: float = 0.0, **changes: float) -> BookView:
    return BookView(position, 1_000.0, 100.0, 1_000.0, side)._replace(**changes)


@dataclass(frozen=True)
class Case:
    view: BookView
    target: float
    order: float
    side: float
    reason: str
    rules: TradingRules = field(default_factory=rules)
    denial: str = ""


LOTS = Specification(lot_size=0.5, min_notional=0.0)
CASES = {
    "entry": Case(view(), 1.0, 2.0, 1.0, "order"),
    "short_entry": Case(view(), -0.5, -1.0, -1.0, "order"),
    "exit": Case(view(2.0, 1.0), 0.0, -2.0, 0.0, "order"),
    "reversal_is_one_order": Case(view(2.0, 1.0), -1.0, -4.0, -1.0, "order"),
    "nothing_to_do": Case(view(2.0, 1.0), 1.0, 0.0, 1.0, "held: the quantity"),
    "flat_stays_flat": Case(view(), 0.0, 0.0, 0.0, "position and target agree"),
    "no_opinion_holds": Case(view(2.0, 1.0), math.nan, 0.0, 1.0, "no opinion"),
    "within_the_band": Case(view(1.9, 1.0), 1.0, 0.0, 1.0, "held: the quantity"),
    "beyond_the_band": Case(view(1.0, 1.0), 1.0, 1.0, 1.0, "order"),
    "smaller_target_reduces": Case(view(2.0, 1.0), 0.5, -1.0, 1.0, "order"),
    "stopped_out_stays_out": Case(view(0.0, 1.0), 1.0, 0.0, 1.0, "held flat"),
    "stopped_out_enters_the_other_side": Case(view(0.0, 1.0), -1.0, -2.0, -1.0, "order"),
    "stopped_out_enters_again_after_flat": Case(view(0.0, 0.0), 1.0, 2.0, 1.0, "order"),
    "stopped_out_then_flat_target_resets": Case(view(0.0, 1.0), 0.0, 0.0, 0.0, "position and target agree"),
    "long_only_ignores_short": Case(view(2.0, 1.0), -1.0, -2.0, 0.0, "order", rules(direction="long")),
    "short_only_ignores_long": Case(view(), 1.0, 0.0, 0.0, "position and target", rules(direction="short")),
    "rounded_down_to_lots": Case(
        view(), 1.0, 1.5, 1.0, "order", rules(sizing=Fixed(1.9), specification=LOTS)
    ),
    "below_one_lot_is_dropped": Case(
        view(), 1.0, 0.0, 0.0, "dropped", rules(sizing=Fixed(0.4), specification=LOTS)
    ),
    "reversal_below_min_notional_closes": Case(
        view(0.04, 1.0),
        -1.0,
        -0.04,
        0.0,
        "the order is below the smallest notional",
        rules(sizing=Fixed(0.05), specification=Specification(0.01, 10.0)),
    ),
    "below_min_notional_is_dropped": Case(
        view(), 1.0, 0.0, 0.0, "dropped", rules(specification=Specification(0.0, 200.1))
    ),
    "reducing_ignores_min_notional": Case(
        view(2.0, 1.0), 0.0, -2.0, 0.0, "order", rules(specification=Specification(0.0, 1e6))
    ),
    "all_in_pays_its_costs": Case(
        view(), 1.0, 1_000 / 101 / 1.001, 1.0, "order", rules(costs=CostSettings(10, 100), sizing=AllIn())
    ),
    "no_equity_no_entry": Case(view(equity=-5.0), 1.0, 0.0, 0.0, "dropped", rules(sizing=AllIn())),
    "no_equity_closes": Case(view(2.0, 1.0, equity=-5.0), 1.0, -2.0, 1.0, "order", rules(sizing=AllIn())),
    "volatility_target": Case(
        view(volatility=0.8), 1.0, 5.0, 1.0, "order", rules(sizing=VolatilityTarget(0.4, 1.0))
    ),
    "volatility_target_is_capped": Case(
        view(volatility=0.1), 1.0, 10.0, 1.0, "order", rules(sizing=VolatilityTarget(0.4, 1.0))
    ),
    "unknown_volatility_no_entry": Case(
        view(volatility=math.nan), 1.0, 0.0, 0.0, "dropped", rules(sizing=VolatilityTarget(0.4, 1.0))
    ),
    "position_limit_denies": Case(
        view(), 1.0, 0.0, 0.0, "denied", rules(limits=RiskLimits(max_position_fraction=0.1)), "position_limit"
    ),
    "at_the_limit_passes": Case(
        view(), 1.0, 2.0, 1.0, "order", rules(limits=RiskLimits(max_position_fraction=0.2))
    ),
    "leverage_denies": Case(
        view(), 1.0, 0.0, 0.0, "denied", rules(limits=RiskLimits(max_leverage=0.1)), "position_limit"
    ),
    "daily_loss_denies": Case(
        view(day_start_equity=1_100.0),
        1.0,
        0.0,
        0.0,
        "denied",
        rules(limits=RiskLimits(max_daily_loss_fraction=0.05)),
        "daily_loss",
    ),
    "daily_loss_lets_exits_pass": Case(
        view(2.0, 1.0, day_start_equity=1_100.0),
        0.0,
        -2.0,
        0.0,
        "order",
        rules(limits=RiskLimits(max_daily_loss_fraction=0.05)),
    ),
    "denied_reversal_still_closes": Case(
        view(2.0, 1.0, day_start_equity=1_100.0),
        -1.0,
        -2.0,
        0.0,
        "denied: only the closing part",
        rules(limits=RiskLimits(max_daily_loss_fraction=0.05)),
        "daily_loss",
    ),
    "stale_data_denies_first": Case(
        view(data_age_seconds=91.0),
        1.0,
        0.0,
        0.0,
        "denied",
        rules(limits=RiskLimits(0.01, 0.01, 0.01, 90.0)),
        "stale_data",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_decision(name: str) -> None:
    case = CASES[name]
    decision = decide(case.view, case.target, case.rules)
    assert decision.order_quantity == pytest.approx(case.order)
    assert decision.target_side == case.side
    assert decision.reason.startswith(case.reason)
    assert (decision.denial.rule if decision.denial else "") == case.denial


def test_denial_says_what_it_saw_and_allows() -> None:
    decision = decide(view(), 1.0, rules(limits=RiskLimits(max_position_fraction=0.1)))
    assert decision.denial == Denial("position_limit", 0.2, 0.1)
    assert decision.reason == "denied (position_limit: 0.2 is beyond 0.1)"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("target", [0.5, 0.0])
def test_order_that_reduces_is_denied_by_no_rule(rule: Rule, target: float) -> None:
    lost = view(2.0, 1.0, day_start_equity=2_000.0, data_age_seconds=1e6, orders_today=1e6)
    strict = rules(limits=RiskLimits(**{rule.field: 1e-9}))
    assert decide(lost, target, strict).denial is None
    assert decide(lost, target, strict).order_quantity == pytest.approx(2.0 * target - 2.0)
    assert decide(lost._replace(position=0.0), -1.0, strict).denial is not None


def test_steps_tell_the_whole_chain() -> None:
    steps = decide(view(), 1.0, rules()).steps
    assert steps["view"]["equity"] == 1_000.0
    assert (steps["target"], steps["desired_quantity"], steps["order_quantity"]) == (1.0, 2.0, 2.0)
    assert (steps["risk"], steps["reason"]) == ("approved", "order")


def test_rules_survive_their_document() -> None:
    original = rules(
        sizing=VolatilityTarget(0.3, 2.0, 99), limits=RiskLimits(max_leverage=3.0), direction="long"
    )
    assert TradingRules.from_document(original.to_document()) == original


def test_unknown_direction_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="unknown direction 'lang'; did you mean 'long'"):
        rules(direction="lang")
