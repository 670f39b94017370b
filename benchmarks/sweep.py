"""A sweep of 1,000 EMA pairs over 525,600 synthetic 1-minute bars: ``python benchmarks/sweep.py [threads]``.

Wall and CPU time, best of several runs, and the peak of memory of the first, with cached kernels. The feature
set is that of ``kernel.py``; beside it the full model: every stop, participation, two brackets.
"""

import json
import os
import resource
import subprocess
import sys
import time
from typing import Any, NamedTuple

import numpy as np
from synthetic import (
    N_BARS,
    Cross,
    FullCross,
    feature_settings,
    full_settings,
    synthetic_bars,
    synthetic_funding,
)

from quant_pipelines.backtest import BacktestSettings, SymbolFeed, sweep
from quant_pipelines.core.bars import Bars
from quant_pipelines.sdk import Strategy

RUNS, FULL_RUNS = 3, 1


class Model(NamedTuple):
    strategy_class: type[Strategy]
    settings: BacktestSettings


class Run(NamedTuple):
    wall: float
    cpu: float
    trades: float


def parameter_sets() -> list[dict[str, int]]:
    fast = np.unique(np.round(np.geomspace(10, 200, 20)).astype(int))
    slow = np.unique(np.round(np.geomspace(240, 2880, 50)).astype(int))
    return [{"fast": int(a), "slow": int(b)} for a in fast for b in slow]


def timed(model: Model, bars: Bars, sets: list[dict[str, int]], threads: int) -> Run:
    feeds = {bars.symbol: SymbolFeed(funding=synthetic_funding(bars))}
    wall, spent = time.perf_counter(), time.process_time()
    result = sweep(model.strategy_class, sets, bars, model.settings, feeds=feeds, threads=threads)
    wall, spent = time.perf_counter() - wall, time.process_time() - spent
    trades = float(np.median([outcome.trade_pnl.size for outcome in result.outcomes if outcome]))
    return Run(wall, spent, trades)


def measured(model: Model, bars: Bars, threads: int, runs: int) -> dict[str, Any]:
    sets = parameter_sets()
    timed(model, bars.rows(0, 5_000), sets[:8], threads)
    found = [timed(model, bars, sets, threads)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found += [timed(model, bars, sets, threads) for _ in range(runs - 1)]
    cpu = min(run.cpu for run in found)
    return {
        "median_trades": found[0].trades,
        "wall_seconds": round(min(run.wall for run in found), 3),
        "cpu_seconds": round(cpu, 3),
        "cpu_ns_per_bar_and_set": round(cpu * 1e9 / (N_BARS * len(sets)), 2),
        "peak_megabytes": round(peak / 1024),
    }


def main() -> None:
    lean, full = Model(Cross, feature_settings()), Model(FullCross, full_settings())
    if sys.argv[1:] == ["compile"]:
        timed(lean, synthetic_bars().rows(0, 5_000), parameter_sets()[:8], 1)
        return
    subprocess.run([sys.executable, __file__, "compile"], check=True)  # compilers leave memory behind
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    bars = synthetic_bars()
    figures = {
        "sets": len(parameter_sets()),
        "threads": threads,
        "feature_set": measured(lean, bars, threads, RUNS),
        "full_model": measured(full, bars, threads, FULL_RUNS),
        "load": os.getloadavg(),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
