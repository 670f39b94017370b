"""Metrics against values on which empyrical and quantstats agree."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.metrics import (
    annual_return,
    annual_volatility,
    calmar_ratio,
    conditional_value_at_risk,
    kurtosis,
    longest_drawdown,
    max_drawdown,
    profit_factor,
    sharpe_ratio,
    skewness,
    sortino_ratio,
    tail_ratio,
    total_return,
    win_rate,
)


@pytest.fixture(scope="module")
def returns(reference: Path) -> FloatArray:
    with (reference / "ref" / "returns_daily.csv").open() as file:
        return np.array([float(row["btc_bh"]) for row in csv.DictReader(file)])


@pytest.fixture(scope="module")
def expected(reference: Path) -> dict[str, float]:
    document = json.loads((reference / "reference.json").read_text())["metrics"]
    values: dict[str, float] = document["by_series"]["btc_bh"]["own_numpy"]
    return values


def test_metrics_equal_the_published_ones(returns: FloatArray, expected: dict[str, float]) -> None:
    actual = {
        "total_return": total_return(returns),
        "cagr_n365": annual_return(returns),
        "sharpe": sharpe_ratio(returns),
        "sortino": sortino_ratio(returns),
        "ann_vol": annual_volatility(returns),
        "max_drawdown": max_drawdown(returns),
        "max_dd_duration_bars": longest_drawdown(returns),
        "cvar95_mean_below_or_eq_var": conditional_value_at_risk(returns),
        "tail_ratio": tail_ratio(returns),
        "skew_biased": skewness(returns),
        "kurtosis_pearson_biased": kurtosis(returns),
        "calmar": calmar_ratio(annual_return(returns), max_drawdown(returns)),
        "profit_factor": profit_factor(returns),
        "win_rate_nonzero": win_rate(returns[returns != 0.0]),
    }
    for name, value in actual.items():
        assert value == pytest.approx(expected[name], rel=1e-12), name


def test_sortino_equals_the_published_small_vector() -> None:
    # esvhd/pypbo: Sortino of eight returns, target 0, not annualized, downside over all observations.
    returns = np.array([0.17, 0.15, 0.23, -0.05, 0.12, 0.09, 0.13, -0.04])
    assert sortino_ratio(returns) / np.sqrt(365) == pytest.approx(4.417261, rel=1e-6)
