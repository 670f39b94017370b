import numpy as np
import pytest

from quant_pipelines.optimize.overfit import trial_variance


def test_variance_of_a_symmetric_scatter_is_the_variance() -> None:
    sharpes = np.random.default_rng(3).normal(0.0, 0.2, 4001)
    assert trial_variance(sharpes) == pytest.approx(0.04, rel=0.05)


def test_evenly_losing_trials_do_not_count_as_luck() -> None:
    sharpes = np.random.default_rng(3).normal(0.0, 0.2, 400)
    with_losers = np.concatenate([sharpes, np.full(100, -15.0)])
    assert np.var(with_losers) > 30
    assert trial_variance(with_losers) < 0.08


def test_one_trial_has_no_variance() -> None:
    assert trial_variance(np.array([0.1])) == 0.0
