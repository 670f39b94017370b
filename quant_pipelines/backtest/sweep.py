"""Many parameter sets of one strategy over one prepared market."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quant_pipelines.backtest.batch import new_record, run_pass
from quant_pipelines.backtest.market import prepare_market
from quant_pipelines.backtest.result import daily_returns_of, day_keys, measures
from quant_pipelines.backtest.settings import BacktestSettings
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.sdk.strategy import Strategy


@dataclass(frozen=True, slots=True, eq=False)
class SweepResult:
    """Outcome of a sweep, in the order of the parameter sets.

    Parameters
    ----------
    days
        UTC days of the columns.
    daily_returns
        Shape (n_sets, n_days); NaN rows for sets that the strategy refuses.
    final_equity
        Shape (n_sets,), quote; NaN for refused sets.
    metrics
        By name, each of shape (n_sets,); NaN where a measure isn't defined.
    """

    days: tuple[str, ...]
    daily_returns: FloatArray
    final_equity: FloatArray
    metrics: dict[str, FloatArray]


def sweep(
    strategy_class: type[Strategy],
    parameter_sets: Sequence[dict[str, Any]],
    bars: Bars,
    settings: BacktestSettings,
    *,
    execution_bars: Bars | None = None,
    funding: FundingSeries | None = None,
) -> SweepResult:
    """Backtest every parameter set; each row equals ``run_backtest`` with that set.

    Raises
    ------
    StrategyError
        If the target of an allowed set can't be used.
    BacktestError
        If the window has no bars or the execution bars don't fit.
    """
    market = prepare_market(bars, settings, execution_bars=execution_bars, funding=funding)
    n_sets = len(parameter_sets)
    returns = np.full((n_sets, market.n_days), np.nan)
    final_equity = np.full(n_sets, np.nan)
    rows: list[dict[str, float]] = []
    record = new_record(market, has_bar_equity=False)
    for index, values in enumerate(parameter_sets):
        if not strategy_class.is_allowed(values):
            rows.append({})
            continue
        outcome, record = run_pass(strategy_class(**values), market, settings, record)
        returns[index] = daily_returns_of(record.daily_equity, settings.capital)
        final_equity[index] = outcome.state.equity
        rows.append(measures(outcome, record, market, settings.capital))
    names = sorted({name for row in rows for name in row})
    metrics = {name: np.array([row.get(name, math.nan) for row in rows]) for name in names}
    return SweepResult(day_keys(market), returns, final_equity, metrics)
