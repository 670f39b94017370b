"""Each bound decides in a world that is made for it, and says so."""

import dataclasses

import numpy as np
import pytest

from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.portfolio.allocation import eased
from tests.unit.portfolio.allocation.arms import PLAIN, arm, planned, record, refused, weights

# Long records: the mean of a Sharpe ratio of 2 is worth more than any share of the risk.
ROOMY = dataclasses.replace(PLAIN, max_weight=2.0, max_symbol=2.0)
LONG = {"n_days": 3650, "sharpe": 2.0}


def long(seed: int, **values: float) -> np.ndarray:
    return record(seed, **{**LONG, **values})  # type: ignore[arg-type]


def test_share_of_the_risk_decides_where_records_are_long() -> None:
    found = weights(arm(1, long(1, volatility=0.4)), arm(2, long(2, volatility=0.8)), terms=ROOMY)
    assert {one.bound for one in found.values()} == {"risk"}
    ratio = found[2].estimate.volatility / found[1].estimate.volatility
    assert found[1].target / found[2].target == pytest.approx(ratio)
    assert found[1].reason.startswith("its share of the risk at a volatility of ")


def test_account_reaches_its_volatility_and_no_more() -> None:
    plan = planned(*(arm(n, long(n, volatility=0.5)) for n in range(1, 5)))
    assert plan.volatility == pytest.approx(0.2)
    assert 1.0 < plan.scale < 2.0


def test_risk_shares_are_raised_up_to_a_cap_only() -> None:
    terms = dataclasses.replace(PLAIN, target_volatility=0.05)
    plan = planned(*(arm(n, long(n, volatility=0.5)) for n in range(1, 10)), terms=terms)
    assert plan.scale == terms.largest_scale
    assert plan.volatility < 0.05


def test_short_record_is_worth_what_kelly_gives_its_shrunk_mean() -> None:
    (found,) = weights(arm(1, record(1, n_days=365, sharpe=1.0, volatility=0.3))).values()
    own = found.estimate
    assert found.bound == "kelly"
    assert own.believed_sharpe == pytest.approx(own.sharpe / 5.0)
    assert found.target == pytest.approx(0.25 * own.believed_sharpe / own.volatility)
    assert found.reason == (
        f"worth no more: a Sharpe ratio of {own.sharpe:.2f} over 1.00 years counts as "
        f"{own.believed_sharpe:.3f}"
    )


def test_volatility_is_the_largest_of_its_measures() -> None:
    calm = record(1, n_days=365, volatility=0.2)
    wild = np.concatenate([calm, record(2, n_days=20, sharpe=2.0, volatility=1.0)])
    before = weights(arm(1, calm))[1].estimate.volatility
    assert weights(arm(1, wild))[1].estimate.volatility > 2.0 * before


def test_nobody_gets_more_than_the_most() -> None:
    terms = dataclasses.replace(PLAIN, max_weight=0.1)
    found = weights(arm(1, long(1)), arm(2, long(2)), terms=terms)
    assert {(one.bound, one.target) for one in found.values()} == {("max_weight", 0.1)}


@pytest.mark.parametrize(
    ("cap", "value"), [("max_gross", 0.3), ("max_net", 0.3), ("max_exchange", 0.3), ("max_symbol", 0.1)]
)
def test_caps_hold_and_are_named(cap: str, value: float) -> None:
    terms = dataclasses.replace(PLAIN, **{cap: value})
    found = weights(*(arm(n, long(n)) for n in range(1, 4)), terms=terms).values()
    assert {one.bound for one in found} == {cap}
    total = sum(one.target for one in found)
    assert total == pytest.approx(3 * value if cap == "max_symbol" else value)


def test_shorts_pay_for_longs_in_the_net_only() -> None:
    terms = dataclasses.replace(ROOMY, max_net=0.2)
    one, long_too, short = arm(1, long(1)), arm(2, long(2)), arm(2, long(2), exposure=-1.0)
    assert {found.bound for found in weights(one, short, terms=terms).values()} == {"risk"}
    assert {found.bound for found in weights(one, long_too, terms=terms).values()} == {"max_net"}


def test_one_idea_shares_what_another_one_has_alone() -> None:
    same = {"family": "ema", "symbol": "BTC"}
    found = weights(arm(1, long(1), **same), arm(2, long(2), **same), arm(3, long(3)))
    assert [found[key].idea for key in (1, 2, 3)] == [1, 1, 3]
    assert [found[key].risk_share for key in (1, 2, 3)] == pytest.approx([0.25, 0.25, 0.5])


def test_alike_days_are_one_idea_whatever_their_names() -> None:
    found = weights(arm(1, record(1, copy=0.95)), arm(2, record(2, copy=0.95)), arm(3, record(3)))
    assert [found[key].idea for key in (1, 2, 3)] == [1, 1, 3]


def test_few_shared_days_make_no_idea() -> None:
    found = weights(arm(1, record(1, copy=0.95, n_days=50)), arm(2, record(2, copy=0.95, n_days=50)))
    assert [one.idea for one in found.values()] == [1, 2]


def test_weaker_one_of_a_mirror_gets_nothing() -> None:
    noise = record(1, sharpe=0.0)
    found = weights(arm(1, noise + 0.0005), arm(2, 0.001 - noise))
    assert (found[1].target, found[1].bound, found[1].reason) == (
        0.0,
        "mirror",
        "mirrors deployment:2: correlation -1.00",
    )
    assert found[2].target > 0.0


def test_losing_record_gets_nothing() -> None:
    found = weights(arm(1, record(1, sharpe=-1.0)), arm(2))
    assert (found[1].target, found[1].bound) == (0.0, "kelly")
    assert found[2].risk_share == 1.0


def test_symbols_volatility_stands_in_and_is_said() -> None:
    new = arm(1, record(1, n_days=10, sharpe=3.0), symbol_volatility=0.6)
    (found,) = weights(new).values()
    assert (found.estimate.source, found.estimate.volatility) == ("symbol", 0.6)
    assert 0.0 < found.target < 0.01
    assert found.reason.endswith("; the volatility is that of C1, as 10 own days show none")


def test_without_any_volatility_nothing_is_held() -> None:
    found = weights(arm(1, np.zeros(100)), arm(2))
    assert (found[1].target, found[1].bound) == (0.0, "no_volatility")
    assert found[1].reason == "100 days show no volatility, and that of C1 is not known"


def test_below_one_lot_is_nothing_and_goes_to_the_others() -> None:
    small = arm(1, long(1), least_weight=0.5)
    alone = weights(arm(2, long(2)))[2]
    found = weights(small, arm(2, long(2)))
    assert (found[1].target, found[1].bound) == (0.0, "below_one_lot")
    assert found[1].reason == "below one lot, which is 50.00% of the account"
    assert found[2].target == pytest.approx(alone.target)


def test_account_below_one_lot_has_no_plan() -> None:
    found = refused(arm(1, least_weight=5.0), arm(2, least_weight=5.0))
    assert found == ("account_below_one_lot", "none of 2 deployments would get one lot")


def test_records_that_are_worth_nothing_have_no_plan() -> None:
    found = refused(arm(1, record(1, sharpe=-1.0)), arm(2, np.zeros(30)))
    assert found.rule == "weights_sum_to_nothing"
    assert refused().rule == "no_deployments"


def test_what_may_not_rise_stays_and_may_fall() -> None:
    held = weights(arm(1, long(1), weight=0.05, held_back="its newest data are blocked"), arm(2, long(2)))[1]
    assert (held.target, held.bound, held.reason) == (
        0.05,
        "held_back",
        "may not rise: its newest data are blocked",
    )
    poor = arm(1, record(1, sharpe=-1.0), weight=0.05, held_back="its newest data are blocked")
    assert weights(poor, arm(2))[1].weight == 0.0


@pytest.mark.parametrize(
    ("actual", "target", "least", "today"),
    [
        (0.1, 0.2, 0.0, 0.15),
        (0.2, 0.1, 0.0, 0.1),
        (0.0, 0.2, 0.15, 0.15),
        (0.1, 0.1, 0.0, 0.1),
        (0.3, 0.0, 0.0, 0.0),
    ],
)
def test_weights_rise_in_steps_and_fall_at_once(
    actual: float, target: float, least: float, today: float
) -> None:
    assert eased(arm(1, weight=actual, least_weight=least), target, 0.5) == pytest.approx(today)


@pytest.mark.parametrize("name", ["weight", "least_weight", "exposure"])
def test_numbers_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} of deployment:1 is not finite"):
        arm(1, **{name: float("nan")})


def test_days_must_rise_with_a_return_each() -> None:
    with pytest.raises(ConfigurationError, match="days of deployment:1 don't rise"):
        dataclasses.replace(arm(1), days=np.zeros(365, dtype=np.int64))
    with pytest.raises(ConfigurationError, match="weight of deployment:1 is below 0"):
        arm(1, weight=-0.1)


def test_packaged_settings_give_the_same_plan_for_the_same_day() -> None:
    arms = [arm(n) for n in range(1, 6)]
    first, second = (planned(*arms, terms=AllocationSettings()) for _ in range(2))
    assert first == second
    assert {rule for one in first.weights for rule in one.tilts} == {"thompson", "ucb1", "hedge", "none"}
