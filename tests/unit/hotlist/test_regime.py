from itertools import pairwise, product

import numpy as np
import pytest

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS
from quant_pipelines.hotlist.regime import filtered, regime_path, turbulence

START_MS = 20_000 * DAY_MS
HOURS = START_MS + HOUR_MS * np.arange(45 * 24, dtype=np.int64)


def calm_then_wild(seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 0.001, 300), rng.normal(0, 0.003, 60)])


def test_wild_returns_raise_the_probability_of_turbulence() -> None:
    path = turbulence(calm_then_wild(), 0.001)
    assert path[250:300].mean() < 0.2
    assert path[320:].mean() > 0.9


def test_probability_is_filtered_not_smoothed() -> None:
    returns = calm_then_wild()
    assert (turbulence(returns, 0.001)[:310] == turbulence(returns[:310], 0.001)).all()


@pytest.mark.parametrize("deviation", [0.0, np.nan, -1.0])
def test_unknown_usual_deviation_leaves_even_odds(deviation: float) -> None:
    assert (turbulence(np.ones(4), deviation) == 0.5).all()


def test_jump_beyond_both_regimes_leaves_a_probability() -> None:
    path = turbulence(np.array([0.0, 5.0, 0.0]), 0.001)
    assert np.isfinite(path).all()


@pytest.mark.parametrize("n_states", [2, 3])
def test_filter_is_what_summing_over_every_path_of_states_gives(n_states: int) -> None:
    stay, n_steps = 0.9, 6
    densities = np.random.default_rng(1).uniform(0.1, 2.0, (n_steps, n_states))
    likelihood = np.zeros(n_states)
    for path in product(range(n_states), repeat=n_steps):
        moves = pairwise(path)
        chance = np.prod([stay if one == other else (1 - stay) / (n_states - 1) for one, other in moves])
        likelihood[path[-1]] += chance / n_states * np.prod(densities[range(n_steps), path])
    assert filtered(densities, stay)[-1] == pytest.approx(likelihood / likelihood.sum(), abs=1e-12)


def prices(seed: int = 5) -> np.ndarray:
    """A range, then ten days that rise, then five wild ones."""
    steps = 0.01 * np.random.default_rng(seed).standard_normal(HOURS.size)
    steps[30 * 24 : 40 * 24] += 0.003
    steps[40 * 24 :] *= 3.0
    return np.asarray(100.0 * np.exp(np.cumsum(steps)))


def test_a_rise_is_a_trend_and_wild_days_are_turbulent() -> None:
    path = regime_path(HOURS, prices())
    day = (path.ts - START_MS - 1) // DAY_MS
    assert abs(path.trend[day < 30].mean()) < 0.3
    assert path.trend[(day >= 34) & (day < 40)].mean() > 0.6
    assert path.turbulence[day < 40].mean() < 0.35
    assert path.turbulence[day > 40].mean() > 0.8


@pytest.mark.parametrize("end", [16 * 24 + 5, 31 * 24, 44 * 24 + 23])
def test_later_bars_change_no_earlier_regime(end: int) -> None:
    whole, before = regime_path(HOURS, prices()), regime_path(HOURS[:end], prices()[:end])
    for all_, part in zip(whole, before, strict=True):
        assert part.size > 0
        assert (all_[: part.size] == part).all()


def test_bars_of_more_than_31_days_before_change_no_regime() -> None:
    skipped = 5 * 24
    whole, late = regime_path(HOURS, prices()), regime_path(HOURS[skipped:], prices()[skipped:])
    shared = whole.ts > START_MS + 36 * DAY_MS
    known = late.ts > START_MS + 36 * DAY_MS
    assert known.any()
    for one, other in zip(whole, late, strict=True):
        assert (one[shared] == other[known]).all()


def test_hours_without_bars_have_no_regime_and_two_weeks_come_first() -> None:
    kept = np.ones(HOURS.size, bool)
    kept[20 * 24 + 3 : 20 * 24 + 7] = False
    path = regime_path(HOURS[kept], prices()[kept])
    assert path.ts[0] == START_MS + 15 * DAY_MS + HOUR_MS
    assert not np.isin(HOURS[~kept] + HOUR_MS, path.ts).any()
    assert all(np.isfinite(column).all() for column in path)
    assert regime_path(HOURS[:0], prices()[:0]).ts.size == 0
