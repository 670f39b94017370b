"""Nanoseconds a bar of one backtest on 525,600 synthetic 1-minute bars: ``python benchmarks/kernel.py``.

EMA 60/240 long and short, next-open fills, 5 bps fee, 1 bp slippage, 2 % hard stop; CPU time, best and
median of several runs. Not the whole feature set of the design yet: no target, trailing stop or margin.
"""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from quant_pipelines.accounting import open_account
from quant_pipelines.backtest import BacktestSettings, run_backtest, sweep
from quant_pipelines.backtest.batch import new_record
from quant_pipelines.backtest.loop import run_tape
from quant_pipelines.backtest.market import prepare_market
from quant_pipelines.backtest.step import opening_state
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.sdk import load_strategy
from quant_pipelines.sdk.strategy import target_of

N_BARS = 525_600
RUNS = 7
START_MS = 1_704_067_200_000


def synthetic_bars() -> Bars:
    close = np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.0008, N_BARS))) * np.float64(100.0)
    open_ = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(open_, close) * 1.0003, np.minimum(open_, close) * 0.9997
    ts = START_MS + MINUTE_MS * np.arange(N_BARS, dtype=np.int64)
    return Bars("X/USDT:USDT", "1m", ts, open_, high, low, close, np.ones(N_BARS))


def ns_per_bar(call: Callable[[], Any], units: int = 1) -> dict[str, float]:
    call()
    spent = []
    for _ in range(RUNS):
        started = time.process_time()
        call()
        spent.append((time.process_time() - started) * 1e9 / N_BARS / units)
    return {"best": round(min(spent), 2), "median": round(statistics.median(spent), 2)}


def main() -> None:
    bars, settings = synthetic_bars(), BacktestSettings()
    folder = Path(__file__).resolve().parents[1] / "strategies"
    strategy_class = load_strategy("ema_cross", folder).strategy_class
    strategy = strategy_class(fast=60, slow=240, hard_stop=0.02)
    started = time.perf_counter()
    result = run_backtest(strategy, bars)
    first = time.perf_counter() - started
    market = prepare_market(bars, settings)
    tape, record = market.tape(target_of(strategy, bars)), new_record(market, has_bar_equity=False)
    state = opening_state(open_account(settings.capital), START_MS)
    terms = settings.loop_terms(strategy, MINUTE_MS)
    sets = [{"fast": 20 + k, "slow": 120 + 8 * k, "hard_stop": 0.02} for k in range(16)]
    figures = {
        "trades": len(result.trades),
        "first_call_seconds": round(first, 2),
        "kernel_ns_per_bar": ns_per_bar(lambda: run_tape(tape, state, terms, record)),
        "target_ns_per_bar": ns_per_bar(lambda: target_of(strategy, bars)),
        "whole_call_ns_per_bar": ns_per_bar(lambda: run_backtest(strategy, bars)),
        "sweep_ns_per_bar_and_set": ns_per_bar(
            lambda: sweep(strategy_class, sets, bars, settings), len(sets)
        ),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
