"""Records without a spread, a loss, a second day or anything left: undefined or right, never astronomical."""

import math

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.lifecycle.culling import rank_deployments
from quant_pipelines.metrics import (
    Activity,
    annual_return,
    beta,
    calmar_ratio,
    correlation,
    profit_factor,
    sharpe_ratio,
    sortino_ratio,
    summarize,
)
from quant_pipelines.optimize.objectives import OBJECTIVES, rank_by
from quant_pipelines.optimize.overfit import (
    cross_validate,
    effective_number_of_trials,
    minimum_track_record_length,
    moments_of,
    probabilistic_sharpe_ratio,
    sharpe_of_columns,
)

NOISE = 1e-16 * np.random.default_rng(1).normal(size=400)
RECORDS = {
    "never moves": np.zeros(400),
    "moves by rounding alone": NOISE,
    "constant gain": np.full(400, 0.01),
    "constant gain, its rounding kept": np.full(400, 1e-5) + NOISE,
    "constant loss": np.full(400, -0.003),
    "never loses": np.linspace(0.0, 0.01, 400),
    "loses by rounding alone": np.where(np.arange(400) % 7 == 0, -1e-16, 0.01),
    "one day": np.array([0.1]),
    "two great days": np.array([0.5, 0.6]),
    "ruin": np.concatenate([np.full(200, 0.01), [-1.0], np.zeros(199)]),
    "ruin at once": np.array([-1.0, 0.0, 0.0]),
}
TRIPS = {
    "never loses": np.array([1.0, 2.0]),
    "loses by rounding alone": np.array([1e4, -1e-13]),
    "nothing": np.zeros(5),
    "no trip": np.empty(0),
}
LARGEST = 2e6


@pytest.mark.parametrize("trips", TRIPS)
@pytest.mark.parametrize("record", RECORDS)
def test_no_measure_of_a_degenerate_record_is_astronomical(record: str, trips: str) -> None:
    for activity in (Activity(), Activity(1.0, 2.0, -1e-16)):
        found = summarize(RECORDS[record], TRIPS[trips], activity)
        wild = {name: value for name, value in found.items() if abs(value) > LARGEST}
        assert set(wild) <= {"calmar"}  # an annual return of half a million-fold over a real fall
        assert all(math.isnan(found[name]) or abs(found[name]) < 1e10 for name in wild)


@pytest.mark.parametrize("record", ["constant gain", "constant loss", "constant gain, its rounding kept"])
def test_days_that_are_all_the_same_have_no_sharpe_ratio(record: str) -> None:
    returns = RECORDS[record]
    assert math.isnan(sharpe_ratio(returns))
    assert math.isnan(moments_of(returns).sharpe)
    assert math.isnan(summarize(returns, np.empty(0))["skew"])
    assert math.isnan(beta(returns, returns))
    assert math.isnan(correlation(returns, RECORDS["ruin"]))


def test_losses_of_rounding_are_none() -> None:
    returns = RECORDS["loses by rounding alone"]
    assert math.isnan(sortino_ratio(returns))
    assert math.isnan(calmar_ratio(0.5, -1e-16))
    assert math.isnan(profit_factor(TRIPS["loses by rounding alone"]))


def test_a_year_is_not_extrapolated_from_a_day_or_beyond_a_million() -> None:
    assert math.isnan(annual_return(np.array([0.1])))
    assert math.isnan(annual_return(np.array([0.5, 0.6])))
    assert annual_return(np.full(365, 0.001)) == pytest.approx(1.001**365 - 1.0)


@pytest.mark.parametrize("record", ["ruin", "ruin at once"])
def test_ruin_is_minus_one_whatever_came_before(record: str) -> None:
    found = summarize(RECORDS[record], np.empty(0))
    assert (found["total_return"], found["annual_return"], found["max_drawdown"]) == (-1.0, -1.0, -1.0)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_no_objective_of_a_degenerate_trial_is_astronomical(objective: str) -> None:
    long = np.column_stack([returns for returns in RECORDS.values() if returns.size == 400])
    values = rank_by(objective, long)
    assert math.isnan(values[0])
    assert np.all(np.isnan(values) | (np.abs(values) < LARGEST))
    assert np.isfinite(values[2:]).all()  # whatever moved can be ranked
    assert values[2] > values[4] or objective in {"sharpe", "psr"}


def test_overfit_statistics_of_trials_without_a_spread_are_finite() -> None:
    trials = np.column_stack([returns for returns in RECORDS.values() if returns.size == 400])
    assert np.abs(sharpe_of_columns(trials)).max() < LARGEST
    assert 1.0 <= effective_number_of_trials(trials) <= trials.shape[1]
    found = cross_validate(trials, n_blocks=8)
    assert np.abs(found.in_sample).max() < LARGEST
    assert np.abs(found.out_of_sample).max() < LARGEST


def test_what_rests_on_an_unknown_ratio_is_unknown() -> None:
    moments = moments_of(np.full(30, 0.01))
    assert math.isnan(probabilistic_sharpe_ratio(**moments._asdict()))
    assert math.isnan(minimum_track_record_length(moments.sharpe, skew=0.0, kurtosis=3.0))


def test_a_deployment_that_never_moved_is_not_ranked() -> None:
    def ranked(returns: FloatArray) -> list[int]:
        return [one.deployment_id for one in rank_deployments({1: returns}, LadderSettings())]

    assert ranked(np.zeros(60)) == []
    assert ranked(np.linspace(-0.01, 0.01, 60)) == [1]
