"""Walk-forwards of two plain rules on the synthetic market over many seeds: what trends, what is noise.

``python benchmarks/market_honesty.py 30`` prints, for each symbol, rule and timeframe, the out-of-sample
return after 6 bps a side and the share of seeds that the paper screen would admit. Independent of the
product's backtest on purpose: fills at the close that decided, no stops, a fixed grid, in-sample choice by
Sharpe ratio.
"""

import sys
from collections import defaultdict
from typing import NamedTuple

import numba
import numpy as np

from quant_pipelines.simulator.listing import LISTINGS
from quant_pipelines.simulator.processes import MINUTES
from quant_pipelines.simulator.synthetic import factor_day, first_factor_state, first_symbol_state, symbol_day

DAYS, FOLDS, SIDE_COST, FIRST_SEED = 120, 6, 6e-4, 21
EMA_WINDOWS = [
    (fast, slow)
    for fast in (5, 8, 12, 18, 26, 36, 48, 60)
    for slow in (20, 30, 45, 70, 100, 140, 190, 240)
    if fast < slow
]
BANDS = [(window, width) for window in (20, 40, 60, 100, 150, 200) for width in (1.0, 1.5, 2.0, 2.5, 3.0)]
TIMEFRAMES = {
    "1m": (1, 10, 3, 240),
    "1h": (60, 30, 10, 24),
}  # minutes a bar, train days, test days, purge bars


class Verdict(NamedTuple):
    """Out-of-sample return, daily Sharpe ratio a year, position changes, out- over in-sample return."""

    total: float
    sharpe: float
    trades: int
    efficiency: float

    @property
    def passes(self) -> bool:
        return self.total > 0 and self.trades >= 30 and self.efficiency >= 0.3


def closes(seed: int) -> np.ndarray:
    """Minute closes of every symbol, shape (n_symbols, n_minutes)."""
    factor_state = first_factor_state()
    states = [first_symbol_state(listing) for listing in LISTINGS]
    logs = np.empty((len(LISTINGS), DAYS * MINUTES))
    for number in range(DAYS):
        factor = factor_day(seed, number - DAYS, factor_state)
        factor_state = factor.end
        for index, state in enumerate(states):
            day = symbol_day(seed, number - DAYS, index, state, factor)
            states[index] = day.end
            logs[index, number * MINUTES : (number + 1) * MINUTES] = day.log_close
    return np.asarray(np.exp(logs))


@numba.njit(cache=True)  # noqa: TID251
def ema(prices, window):  # noqa: ANN001, ANN201
    weight, smooth = 2 / (window + 1), prices.copy()
    for i in range(1, prices.size):
        smooth[i] = weight * prices[i] + (1 - weight) * smooth[i - 1]
    return smooth


@numba.njit(cache=True)  # noqa: TID251
def reversion(prices, window, width):  # noqa: ANN001, ANN201
    targets, position = np.zeros_like(prices), 0.0
    scaled = prices / prices[0]
    total, squares = scaled[: window - 1].sum(), (scaled[: window - 1] ** 2).sum()
    for i in range(window - 1, prices.size):
        total += scaled[i]
        squares += scaled[i] ** 2
        mean = total / window
        deviation = np.sqrt(max(squares / window - mean**2, 0.0))
        if abs(scaled[i] - mean) > width * deviation:
            position = -np.sign(scaled[i] - mean)
        elif position * (scaled[i] - mean) >= 0:
            position = 0.0
        total -= scaled[i - window + 1]
        squares -= scaled[i - window + 1] ** 2
        targets[i] = position
    return targets


@numba.njit(cache=True)  # noqa: TID251
def trade(targets, prices, first, last, per_day):  # noqa: ANN001, ANN201
    daily, position, trades = np.zeros((last - first) // per_day), 0.0, 0
    for i in range(first, last):
        gain = position * (prices[i] / prices[i - 1] - 1)
        if targets[i] != position:
            gain -= SIDE_COST * abs(targets[i] - position)
            position = targets[i]
            trades += 1
        daily[min(daily.size - 1, (i - first) // per_day)] += gain
    daily[-1] -= SIDE_COST * abs(position)
    return daily, trades


def walk_forward(targets: list[np.ndarray], prices: np.ndarray, timeframe: str) -> Verdict:
    """Six folds that end with the history; the best target in sample trades the days after."""
    minutes, train_days, test_days, purge = TIMEFRAMES[timeframe]
    per_day = MINUTES // minutes
    out_of_sample, in_sample, trades = [], [], 0
    for fold in range(FOLDS):
        first = prices.size - (FOLDS - fold) * test_days * per_day
        train = (first - purge - train_days * per_day, first - purge)
        results = [trade(target, prices, max(train[0], 1), train[1], per_day)[0] for target in targets]
        best = int(np.argmax([daily.mean() / (daily.std() + 1e-12) for daily in results]))
        daily, changes = trade(targets[best], prices, first, first + test_days * per_day, per_day)
        out_of_sample.append(daily)
        in_sample.append(results[best].mean())
        trades += changes
    stitched = np.concatenate(out_of_sample)
    sharpe = stitched.mean() / (stitched.std() + 1e-12) * np.sqrt(365)
    return Verdict(stitched.sum(), sharpe, trades, stitched.mean() / np.mean(in_sample))


def main(n_seeds: int) -> None:
    verdicts: dict[tuple[str, str, str], list[Verdict]] = defaultdict(list)
    for seed in range(FIRST_SEED, FIRST_SEED + n_seeds):
        for listing, minutes in zip(LISTINGS, closes(seed), strict=True):
            for timeframe, (step, *_) in TIMEFRAMES.items():
                prices = minutes[step - 1 :: step].copy()
                smooth = {window: ema(prices, window) for pair in EMA_WINDOWS for window in pair}
                rules = {
                    "ema cross": [np.sign(smooth[fast] - smooth[slow]) for fast, slow in EMA_WINDOWS],
                    "band reversion": [reversion(prices, window, width) for window, width in BANDS],
                }
                for rule, targets in rules.items():
                    verdict = walk_forward(targets, prices, timeframe)
                    verdicts[listing.base, rule, timeframe].append(verdict)
    print("symbol rule           tf   return: worst median  best  Sharpe trades efficiency admitted")
    for (base, rule, timeframe), rows in verdicts.items():
        total, sharpe, trades, efficiency = np.array(rows).T
        print(
            f"{base:6} {rule:14} {timeframe}  {total.min():+13.3f} {np.median(total):+.3f} {total.max():+.3f}"
            f"  {np.median(sharpe):+6.1f} {np.median(trades):6.0f} {np.median(efficiency):+10.2f}"
            f" {np.mean([row.passes for row in rows]):8.2f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
