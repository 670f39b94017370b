"""The compiled check is, to the bit, a plain loop over the rows of the table."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.risk import NO_BREACH, RULES, Breach, RiskLimits, RiskRequest, first_breach, limit_terms
from quant_pipelines.risk.limits import TOLERANCE
from tests.property.examples import examples

amounts = st.one_of(st.just(0.0), st.floats(1e-3, 1e6))
limit = st.one_of(st.just(math.inf), amounts)
limits = st.builds(
    RiskLimits,
    max_position_fraction=limit,
    max_leverage=limit,
    max_daily_loss_fraction=limit,
    max_data_age_seconds=limit,
    max_position_notional=limit,
    max_position_quantity=limit,
    max_orders_per_day=limit,
)
requests = st.builds(
    RiskRequest,
    position_after=st.floats(-1e4, 1e4),
    price=amounts,
    equity=st.floats(-1e6, 1e6),
    day_start_equity=st.floats(-1e6, 1e6),
    data_age_seconds=amounts,
    orders_today=st.integers(0, 50).map(float),
)


def loop_over_rows(request: RiskRequest, limits: RiskLimits) -> Breach:
    for code, rule in enumerate(RULES, 1):
        observed, most = rule.observed(request), rule.limit(limits)
        if most < math.inf and observed > most + TOLERANCE * abs(most):
            return Breach(code, observed, most)
    return NO_BREACH


@given(requests, limits)
@settings(max_examples=examples(500))
def test_compiled_check_is_the_loop_over_the_rows(request: RiskRequest, limits: RiskLimits) -> None:
    assert first_breach(request, limit_terms(limits)) == loop_over_rows(request, limits)


@given(requests, limits)
@settings(max_examples=examples(200))
def test_looser_limits_deny_nothing_more(request: RiskRequest, limits: RiskLimits) -> None:
    looser = RiskLimits(**{name: value * 2.0 + 1.0 for name, value in limits.given.items()})
    if first_breach(request, limit_terms(limits)).code == 0:
        assert first_breach(request, limit_terms(looser)).code == 0
