import numpy as np
import pytest

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.metrics import annual_return, calmar_ratio, max_drawdown, sharpe_ratio, sortino_ratio
from quant_pipelines.optimize.objectives import OBJECTIVES, rank_by

RETURNS = np.random.default_rng(11).normal(0.001, 0.02, (90, 5))


@pytest.mark.parametrize("column", range(5))
def test_objectives_of_a_column_equal_the_metrics_of_the_series(column: int) -> None:
    series = np.ascontiguousarray(RETURNS[:, column])
    expected = {
        "sharpe": sharpe_ratio(series),
        "sortino": sortino_ratio(series),
        "calmar": calmar_ratio(annual_return(series), max_drawdown(series)),
        "profit_factor": series[series > 0].sum() / -series[series < 0].sum(),
    }
    for name, value in expected.items():
        assert rank_by(name, RETURNS)[column] == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize("name", OBJECTIVES)
def test_trial_that_never_moves_cannot_be_judged(name: str) -> None:
    with_still = np.column_stack([RETURNS[:, 0], np.zeros(90)])
    values = rank_by(name, with_still)
    assert np.isfinite(values[0])
    assert np.isnan(values[1])


def test_unknown_objective_suggests_the_nearest() -> None:
    with pytest.raises(OptimizationError, match="unknown objective 'sharp'; did you mean 'sharpe'"):
        rank_by("sharp", RETURNS)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_set_that_was_refused_is_never_ranked(name: str) -> None:
    losing, refused = np.tile([-0.01, 0.002], 5), np.full(10, np.nan)
    values = rank_by(name, np.stack([losing, refused], axis=1))
    assert np.isfinite(values[0])
    assert np.isnan(values[1])
