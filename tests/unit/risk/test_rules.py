"""Each row of the table alone, and what the rows say together."""

import math
from dataclasses import replace

import pytest

from quant_pipelines.core.limits import LIMITS
from quant_pipelines.core.settings import RiskSettings
from quant_pipelines.risk import (
    NO_BREACH,
    RULES,
    Denial,
    RiskLimits,
    RiskRequest,
    Rule,
    denial_by,
    denial_of,
    first_breach,
    limit_terms,
)

REQUEST = RiskRequest(
    position_after=-5.0,
    price=100.0,
    equity=1_000.0,
    day_start_equity=1_250.0,
    data_age_seconds=30.0,
    orders_today=3.0,
)
OBSERVED = {
    "stale_data": 30.0,
    "daily_loss": 0.2,
    "position_limit": 0.5,
    "notional_quota": 500.0,
    "quantity_quota": 5.0,
    "order_quota": 4.0,
}
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def denial(limits: RiskLimits, request: RiskRequest = REQUEST) -> Denial | None:
    return denial_of(first_breach(request, limit_terms(limits)))


@each_rule
def test_rule_denies_beyond_its_limit(rule: Rule) -> None:
    limit = 0.999 * OBSERVED[rule.name]
    breach = denial(RiskLimits(**{rule.field: limit}))
    assert breach == Denial(rule.name, pytest.approx(OBSERVED[rule.name]), limit)


@each_rule
def test_rule_approves_at_its_limit(rule: Rule) -> None:
    assert denial(RiskLimits(**{rule.field: OBSERVED[rule.name]})) is None


@each_rule
def test_infinite_limit_never_denies(rule: Rule) -> None:
    worst = RiskRequest(1e12, 1e6, -5.0, 1e9, math.inf, math.inf)
    rest = {field: 0.0 for field in LIMITS if field not in (rule.field, *rule.synonyms)}
    breach = denial(RiskLimits(**rest), worst)
    assert breach is not None
    assert breach.rule != rule.name


def test_every_limit_belongs_to_one_rule() -> None:
    named = [name for rule in RULES for name in (rule.field, *rule.synonyms)]
    assert sorted(named) == sorted(LIMITS)


def test_first_rule_of_the_table_is_named() -> None:
    limits = RiskLimits(**dict.fromkeys(LIMITS, 0.0))
    for rule in RULES:
        breach = denial(limits)
        assert breach is not None
        assert breach.rule == rule.name
        limits = replace(limits, **dict.fromkeys((rule.field, *rule.synonyms), math.inf))
    assert denial(limits) is None


@pytest.mark.parametrize("synonym", ["max_position_fraction", "max_leverage"])
def test_tightest_name_of_a_limit_holds(synonym: str) -> None:
    both = RiskLimits(max_position_fraction=2.0, max_leverage=2.0)
    assert denial(both) is None
    assert denial(replace(both, **{synonym: 0.4})) == Denial("position_limit", 0.5, 0.4)


def test_without_equity_nothing_is_added() -> None:
    assert denial(RiskLimits(max_position_fraction=1e9), REQUEST._replace(equity=0.0)) is not None


def test_no_limit_denies_nothing() -> None:
    request = RiskRequest(1e12, 1e6, -5.0, 1e9, math.inf)
    assert first_breach(request, limit_terms(RiskLimits())) == NO_BREACH


def test_settings_give_limits_but_no_quotas() -> None:
    settings = RiskSettings(max_position_fraction=0.5, max_data_age_seconds=math.inf)
    assert RiskLimits.from_settings(settings).given == {
        "max_position_fraction": 0.5,
        "max_leverage": settings.max_leverage,
        "max_daily_loss_fraction": settings.max_daily_loss_fraction,
    }


@each_rule
def test_rule_that_is_asked_alone_answers_as_in_the_check_of_an_order(rule: Rule) -> None:
    for factor in (1.0 - 1e-10, 1.0 - 1e-8, 1.0, 1.1):  # rounding is no breach
        limits = RiskLimits(**{rule.field: factor * OBSERVED[rule.name]})
        assert denial_by(rule.name, rule.observed(REQUEST), limits) == denial(limits)
