"""Each rule alone, and its agreement with the compiled check of all."""

import math

import pytest

from quant_pipelines.core.settings import RiskSettings
from quant_pipelines.risk import (
    RULES,
    Approval,
    DailyLoss,
    Denial,
    LeverageCap,
    NotionalQuota,
    OrderQuota,
    PositionLimit,
    QuantityQuota,
    RiskLimits,
    RiskRequest,
    StaleData,
    first_breach,
)
from quant_pipelines.risk.limits import Rule

REQUEST = RiskRequest(
    position_after=-5.0,
    price=100.0,
    equity=1_000.0,
    day_start_equity=1_250.0,
    data_age_seconds=30.0,
    orders_today=3.0,
)


@pytest.mark.parametrize(
    ("rule", "observed"),
    [
        (PositionLimit(0.4), 0.5),
        (LeverageCap(0.4), 0.5),
        (DailyLoss(0.1), 0.2),
        (StaleData(20.0), 30.0),
        (NotionalQuota(499.0), 500.0),
        (QuantityQuota(4.9), 5.0),
        (OrderQuota(3.0), 4.0),
    ],
)
def test_rule_denies_beyond_its_limit(rule: Rule, observed: float) -> None:
    denial = rule.check(REQUEST)
    assert isinstance(denial, Denial)
    assert denial.observed == pytest.approx(observed)


@pytest.mark.parametrize(
    "rule",
    [
        PositionLimit(0.5),
        LeverageCap(0.5),
        DailyLoss(0.2),
        StaleData(30.0),
        NotionalQuota(500.0),
        QuantityQuota(5.0),
        OrderQuota(4.0),
    ],
)
def test_rule_approves_at_its_limit(rule: Rule) -> None:
    assert rule.check(REQUEST) == Approval()


@pytest.mark.parametrize("rule", [PositionLimit(1e9), LeverageCap(1e9)])
def test_without_equity_nothing_is_added(rule: PositionLimit | LeverageCap) -> None:
    assert isinstance(rule.check(REQUEST._replace(equity=0.0)), Denial)


@pytest.mark.parametrize(
    "limits",
    [
        RiskLimits(),
        RiskLimits(max_position_fraction=0.4),
        RiskLimits(max_leverage=0.4),
        RiskLimits(max_daily_loss_fraction=0.1),
        RiskLimits(max_data_age_seconds=1.0),
        RiskLimits(0.4, 0.4, 0.1, 1.0),
        RiskLimits(0.4, 0.4, 0.3, 100.0),
        RiskLimits(max_position_notional=499.0, max_position_quantity=1.0),
        RiskLimits(max_position_quantity=1.0, max_orders_per_day=2.0),
        RiskLimits(max_orders_per_day=3.0),
        RiskLimits(max_orders_per_day=4.0),
        RiskLimits.from_settings(RiskSettings()),
    ],
)
def test_compiled_check_is_the_first_rule_that_denies(limits: RiskLimits) -> None:
    answers = [rule.check(REQUEST) for rule in limits.rules]
    first = next((answer for answer in answers if isinstance(answer, Denial)), None)
    breach = first_breach(REQUEST, limits.terms)
    assert RULES[breach.code] == (first.rule if first else "")
    assert breach.observed == (first.observed if first else 0.0)


def test_no_limit_denies_nothing() -> None:
    request = RiskRequest(1e12, 1e6, -5.0, 1e9, math.inf)
    assert first_breach(request, RiskLimits().terms).code == 0
