"""How far each round trip was ahead and behind before it ended."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.reports.run import BacktestRun


def adverse_excursions(run: BacktestRun) -> FloatArray:
    """Largest move against each round trip, 0 or negative, as a fraction of its entry price.

    The array has shape (n_trades,). The bars from the entry up to the one before the exit count, and the
    exit's own price.
    """
    bars = run.execution
    first = np.searchsorted(bars.ts, run.column("entry_ts").astype(np.int64))
    last = np.searchsorted(bars.ts, run.column("exit_ts").astype(np.int64))
    worst = np.empty(first.size)
    rows = zip(run.column("side"), run.column("entry_price"), run.column("exit_price"), strict=True)
    for i, (side, entry, exit_) in enumerate(rows):
        extremes = (bars.low if side > 0 else bars.high)[first[i] : last[i]]
        reached = [exit_, entry]
        if extremes.size:
            reached.append(extremes.min() if side > 0 else extremes.max())
        worst[i] = (min(reached) if side > 0 else max(reached)) * side / entry - side
    return worst
