import numpy as np
import pytest

from quant_pipelines.hotlist.regime import turbulence


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
