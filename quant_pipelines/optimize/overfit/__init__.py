"""How much of a good backtest is luck: published statistics on daily returns, without annualization."""

from quant_pipelines.optimize.overfit.bootstrap import bootstrap_sharpe_interval, stationary_bootstrap_indices
from quant_pipelines.optimize.overfit.cross_validation import (
    CrossValidation,
    cross_validate,
    probability_of_backtest_overfitting,
)
from quant_pipelines.optimize.overfit.moments import Moments, moments_of, sharpe_of_columns
from quant_pipelines.optimize.overfit.sharpe import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    sharpe_standard_error,
)
from quant_pipelines.optimize.overfit.trials import effective_number_of_trials, trial_variance

__all__ = [
    "probabilistic_sharpe_ratio",
    "deflated_sharpe_ratio",
    "expected_maximum_sharpe",
    "minimum_track_record_length",
    "probability_of_backtest_overfitting",
    "cross_validate",
    "CrossValidation",
    "bootstrap_sharpe_interval",
    "stationary_bootstrap_indices",
    "effective_number_of_trials",
    "trial_variance",
    "Moments",
    "moments_of",
    "sharpe_of_columns",
    "sharpe_standard_error",
]
