import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.backtest.market.targets import (
    abreast,
    abreast_from,
    changes_at,
    changes_from,
    changes_of,
    joined,
)
from quant_pipelines.sdk.turns import Turns, expanded

NAMED = [1.0, -1.0, 0.0, -0.0, np.nan, 0.5]


def naive(target: np.ndarray) -> list[tuple[int, float]]:
    found, last = [], np.nan
    for bar, value in enumerate(target.tolist()):
        if value != last and not (np.isnan(value) and np.isnan(last)):
            found.append((bar, value))
        last = value
    return found


def shown(bars: np.ndarray, values: np.ndarray) -> str:
    """Text, in which two that are not a number are equal."""
    return repr([(int(bar), abs(float(value)) or 0.0) for bar, value in zip(bars, values, strict=True)])


@given(st.integers(0, 2**32), st.integers(1, 900), st.integers(0, 200), st.sampled_from([0.001, 0.05, 1.0]))
def test_changes_are_those_of_each_bar(seed: int, n_bars: int, first: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.choice(NAMED, n_bars + first)
    stays = np.maximum.accumulate(np.where(rng.random(values.size) < noise, np.arange(values.size), 0))
    target = values[stays]
    expected = repr([(bar, abs(value) or 0.0) for bar, value in naive(target[first:])])
    changes = changes_of(target, first, n_bars)
    assert shown(changes.bar[:-1], changes.value[:-1]) == expected
    same = changes_at(target, np.arange(first, first + n_bars))
    assert shown(same.bar[:-1], same.value[:-1]) == expected
    assert changes.bar[-1] == same.bar[-1] == n_bars


@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(0, 100))
def test_changes_of_turns_are_those_of_the_target_that_they_stand_for(
    seed: int, n_bars: int, first: int
) -> None:
    rng = np.random.default_rng(seed)
    bar = np.flatnonzero(rng.random(n_bars + first) < 0.05)
    turns = Turns(bar, np.where(np.arange(bar.size) % 2 == seed % 2, 1.0, -1.0), n_bars + first)
    of_turns = changes_from(turns, first, n_bars)
    of_target = changes_of(expanded(turns), first, n_bars)
    np.testing.assert_array_equal(of_turns.bar, of_target.bar)
    np.testing.assert_array_equal(of_turns.value, of_target.value)


def test_first_value_beyond_the_range_is_found_wherever_it_stands() -> None:
    target = np.zeros(300)
    assert changes_of(target, 100, 200).outside == 300
    target[250] = 1.5
    assert changes_of(target, 100, 200).outside == 250
    target[20] = -2.0
    assert changes_of(target, 100, 200).outside == 20
    turns = Turns(np.array([3, 8]), np.array([1.0, 1.1]), 20)
    assert changes_from(turns, 10, 10).outside == 8


def test_changes_of_lanes_abreast_stand_in_the_order_of_their_bars() -> None:
    target = np.array([0.0, 1.0, 1.0, 0.0])
    targets = abreast([changes_of(target, 0, 4), changes_of(1.0 - target, 0, 4)])
    assert targets.bar.tolist() == [0, 0, 1, 1, 3, 3, 4, 4]
    assert targets.lane.tolist() == [0, 1] * 4
    assert targets.value[:-2].tolist() == [0.0, 1.0, 1.0, 0.0, 0.0, 1.0]


@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(0, 100), st.integers(1, 5))
def test_turns_of_lanes_are_put_in_order_in_one_call_as_one_after_the_other(
    seed: int, n_bars: int, first: int, n_lanes: int
) -> None:
    rng = np.random.default_rng(seed)
    bars = [np.flatnonzero(rng.random(n_bars + first) < rng.choice([0.0, 0.05])) for _ in range(n_lanes)]
    lanes = [Turns(bar, rng.choice([1.0, -1.0, np.nan, 1.5], bar.size), n_bars + first) for bar in bars]
    found, is_outside = abreast_from(joined(lanes), first, n_bars)
    changes = [changes_from(one, first, n_bars) for one in lanes]
    for ours, expected in zip(found, abreast(changes), strict=True):
        np.testing.assert_array_equal(ours, expected)
    assert is_outside == any(one.outside < n_bars + first for one in changes)
