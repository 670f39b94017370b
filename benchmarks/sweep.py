"""A sweep of 1,000 EMA pairs over 525,600 synthetic 1-minute bars: ``python benchmarks/sweep.py [threads]``.

Wall and CPU time, best of several runs, and the peak of memory. The feature set is that of ``kernel.py``.
"""

import json
import os
import resource
import sys
import time

import numpy as np
from synthetic import N_BARS, Cross, feature_settings, synthetic_bars, synthetic_funding

from quant_pipelines.backtest import sweep
from quant_pipelines.core.bars import Bars

RUNS = 3


def parameter_sets() -> list[dict[str, int]]:
    fast = np.unique(np.round(np.geomspace(10, 200, 20)).astype(int))
    slow = np.unique(np.round(np.geomspace(240, 2880, 50)).astype(int))
    return [{"fast": int(a), "slow": int(b)} for a in fast for b in slow]


def timed(bars: Bars, sets: list[dict[str, int]], threads: int) -> tuple[float, float, float]:
    wall, spent = time.perf_counter(), time.process_time()
    settings, funding = feature_settings(), synthetic_funding(bars)
    result = sweep(Cross, sets, bars, settings, funding=funding, threads=threads)
    trades = float(np.median([outcome.trade_pnl.size for outcome in result.outcomes if outcome]))
    return time.perf_counter() - wall, time.process_time() - spent, trades


def main() -> None:
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    bars, sets = synthetic_bars(), parameter_sets()
    timed(bars.rows(0, 5_000), sets[:8], threads)
    runs = [timed(bars, sets, threads) for _ in range(RUNS)]
    units = N_BARS * len(sets)
    figures = {
        "sets": len(sets),
        "threads": threads,
        "median_trades": runs[0][2],
        "wall_seconds": round(min(run[0] for run in runs), 3),
        "cpu_seconds": round(min(run[1] for run in runs), 3),
        "cpu_ns_per_bar_and_set": round(min(run[1] for run in runs) * 1e9 / units, 2),
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "load": os.getloadavg(),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
