"""Weights stay within the bounds around what people set, whatever is measured."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.hotlist.factors import NAMES
from quant_pipelines.hotlist.usefulness import Usefulness
from quant_pipelines.hotlist.weights import move_of, weights_in_force

USEFUL = Usefulness("funding", "return", 24, 2000, 40, 0.05, 0.02, 0.08)
MISLEADING = USEFUL._replace(coefficient=-0.05, low=-0.08, high=-0.02)
NONE = USEFUL._replace(coefficient=0.01, low=-0.02, high=0.04)
TOO_FEW = USEFUL._replace(blocks=3, low=math.nan, high=math.nan)
SETTINGS = HotListSettings(weight_span=2.0, weight_step=0.1)


def test_weights_begin_with_settings_and_indicators_with_nothing() -> None:
    found = weights_in_force(HotListSettings(funding_weight=0.4), {}, {})
    assert {name: one.weight for name, one in found.items() if one.weight} == {
        "volatility_jump": 0.30,
        "turnover": 0.25,
        "open_interest_change": 0.20,
        "funding": 0.4,
        "regime_shift": 0.15,
    }
    assert set(found) == set(NAMES)


def test_weight_that_a_person_set_moves_its_bounds() -> None:
    one = weights_in_force(SETTINGS, {"momentum": 0.2}, {"momentum": 0.3})["momentum"]
    assert (one.weight, one.base, one.low, one.high) == (0.3, 0.2, 0.1, 0.4)


@pytest.mark.parametrize(
    ("seen", "before", "after"),
    [
        (USEFUL, 0.10, 0.11),
        (USEFUL, 0.19, 0.20),  # the bound, less than a step away
        (USEFUL, 0.20, None),
        (MISLEADING, 0.10, 0.09),
        (MISLEADING, 0.05, None),
        (NONE, 0.20, 0.18),  # back to what was set
        (NONE, 0.10, None),
        (TOO_FEW, 0.20, None),  # nothing is known, nothing moves
    ],
)
def test_step_is_taken_by_what_may_be_claimed(seen: Usefulness, before: float, after: float | None) -> None:
    weight = weights_in_force(SETTINGS, {}, {"funding": before})["funding"]
    move = move_of(weight, seen, SETTINGS.weight_step)
    assert (move and move.after) == (after if after is None else pytest.approx(after))


def test_move_says_what_was_measured_and_the_bounds() -> None:
    move = move_of(weights_in_force(SETTINGS, {}, {})["funding"], USEFUL, 0.1)
    assert move is not None
    assert move.reason == (
        "funding against the return of 24 hours: rank correlation +0.050 [+0.020, +0.080] over 2000 hours, "
        "useful; bounds 0.05 to 0.2 around 0.1"
    )


@given(
    st.floats(0.0, 1000.0),
    st.floats(1.0, 100.0),
    st.floats(0.0, 1.0),
    st.lists(st.sampled_from([USEFUL, MISLEADING, NONE, TOO_FEW]), max_size=30),
)
def test_weight_never_leaves_its_bounds(
    base: float, span: float, step: float, days: list[Usefulness]
) -> None:
    settings = HotListSettings(weight_span=span, weight_step=step)
    newest: dict[str, float] = {}
    for seen in days:
        weight = weights_in_force(settings, {"funding": base}, newest)["funding"]
        move = move_of(weight, seen, step)
        if move is not None:
            assert abs(move.after - move.before) <= step * move.before * (1 + 1e-9)
            newest["funding"] = move.after
    assert base / span * (1 - 1e-9) <= newest.get("funding", base) <= base * span * (1 + 1e-9)


@given(st.floats(0.0, 1000.0), st.floats(0.0, 1000.0), st.floats(1.0, 100.0))
def test_stored_weight_outside_of_new_bounds_counts_as_the_bound(
    base: float, newest: float, span: float
) -> None:
    settings = HotListSettings(weight_span=span)
    one = weights_in_force(settings, {"turnover": base}, {"turnover": newest})["turnover"]
    assert one.low <= one.weight <= one.high


def test_indicator_without_a_weight_never_gets_one_by_itself() -> None:
    weight = weights_in_force(SETTINGS, {}, {})["momentum"]
    assert move_of(weight, USEFUL._replace(ranking="momentum"), 1.0) is None
