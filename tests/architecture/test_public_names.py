"""Names that users' scripts import; taking one away is a break and shows here."""

import importlib
import inspect

import pytest

PUBLIC = {
    "quant_pipelines.sdk": {
        "Array",
        "Bars",
        "Float",
        "Inputs",
        "Int",
        "Stops",
        "Strategy",
        "StrategySource",
        "BrokenStrategy",
        "list_strategies",
        "load_strategy",
        "strategies_folder",
    },
    "quant_pipelines.backtest": {"run_backtest", "BacktestSettings", "BacktestResult", "Trade"},
    "quant_pipelines.optimize.walk_forward": {"walk_forward", "Plan"},
    "quant_pipelines.optimize.overfit": {
        "deflated_sharpe_ratio",
        "probabilistic_sharpe_ratio",
        "minimum_track_record_length",
        "probability_of_backtest_overfitting",
    },
    "quant_pipelines.indicators": {"atr", "bollinger", "ema", "sma"},
    "quant_pipelines.settings": {"load_settings", "home_folder"},
}


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_there(module: str) -> None:
    found = importlib.import_module(module)
    assert {name for name in PUBLIC[module] if not hasattr(found, name)} == set()


@pytest.mark.parametrize("module", PUBLIC)
def test_public_functions_and_classes_are_documented(module: str) -> None:
    found = importlib.import_module(module)
    named = (getattr(found, name) for name in PUBLIC[module])
    bare = [item for item in named if inspect.isroutine(item) or inspect.isclass(item)]
    assert [item.__name__ for item in bare if not inspect.getdoc(item)] == []


def test_signatures_of_the_overfit_statistics_are_kept() -> None:
    overfit = importlib.import_module("quant_pipelines.optimize.overfit")
    deflated = inspect.signature(overfit.deflated_sharpe_ratio)
    assert list(deflated.parameters) == [
        "sharpe",
        "n_observations",
        "n_trials",
        "trial_variance",
        "skew",
        "kurtosis",
    ]
    assert "n_blocks" in inspect.signature(overfit.probability_of_backtest_overfitting).parameters
