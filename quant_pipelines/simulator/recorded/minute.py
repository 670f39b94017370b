"""Inside one minute: a seeded path of 60 seconds that opens, turns and closes where the recorded bar does."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import Second
from quant_pipelines.simulator.seconds import (
    CLOSE,
    N_COLUMNS,
    OPEN,
    QUOTE_VOLUME,
    TRADES,
    VOLUME,
)

SECONDS = 60
_ROUGHNESS = 0.15  # of the bar's range, at the middle between two turns


class MinutePath(NamedTuple):
    """What trades in each second of a minute.

    Parameters
    ----------
    ticks, lots, trades
        Price in ticks, quantity in lots and number of trades. ndarrays of shape (60,), int64.
    taker_share
        Above one half where the last trades of the minute were bought by takers.
    """

    ticks: NDArray[np.int64]
    lots: NDArray[np.int64]
    trades: NDArray[np.int64]
    taker_share: float


def play_minute(rng: np.random.Generator, row: FloatArray, listing: Listing) -> MinutePath:
    """Path of one recorded bar.

    Parameters
    ----------
    rng
        Random stream of this symbol's minute.
    row
        The bar, shape (9,).
    listing
        Its contract.

    Notes
    -----
    The path reaches high and low in two seconds of its own and stays between them; quantities add up to the
    bar's volume, to the lot.
    """
    opened, high, low, closed = (
        int(value) for value in np.rint(row[OPEN : CLOSE + 1] * 10**listing.price_decimals)
    )
    turns = np.sort(rng.choice(np.arange(1, SECONDS - 1), 2, replace=False))
    is_high_first = bool(rng.random() < (0.3 if closed >= opened else 0.7))
    levels = [opened, *((high, low) if is_high_first else (low, high)), closed]
    knots = [0, *turns.tolist(), SECONDS - 1]
    straight = np.interp(np.arange(SECONDS), knots, levels)
    noise = rng.standard_normal(SECONDS) * (high - low) * _ROUGHNESS
    noise[knots] = 0.0
    ticks = np.clip(np.rint(straight + noise), low, high).astype(np.int64)
    ticks[knots] = levels
    weights = rng.standard_exponential(SECONDS)
    lots = _apportion(weights, round(float(row[VOLUME]) * 10**listing.quantity_decimals))
    return MinutePath(ticks, lots, _apportion(weights, int(row[TRADES])), float(rng.uniform(0.35, 0.65)))


def second_of(path: MinutePath, at: int, listing: Listing) -> Second:
    """Return what trades in one second of a path."""
    return Second(
        int(path.ticks[at]) / 10**listing.price_decimals,
        int(path.lots[at]) / 10**listing.quantity_decimals,
        int(path.trades[at]),
        path.taker_share,
    )


def bar_until(path: MinutePath, at: int, row: FloatArray, listing: Listing) -> FloatArray:
    """Bar of shape (1, 9) as it stands in a second: what has traded so far; in the last one it is the bar."""
    ticks, lots = path.ticks[: at + 1], path.lots[: at + 1]
    bar = np.zeros((1, N_COLUMNS))
    bar[0, OPEN : CLOSE + 1] = ticks[0], ticks.max(), ticks.min(), ticks[-1]
    bar /= 10.0**listing.price_decimals
    bar[0, VOLUME] = lots.sum() / 10.0**listing.quantity_decimals
    whole = float(path.lots @ path.ticks)
    bar[0, QUOTE_VOLUME] = row[QUOTE_VOLUME] * (float(lots @ ticks) / whole if whole else 0.0)
    bar[0, TRADES] = path.trades[: at + 1].sum()
    return bar


def _apportion(weights: FloatArray, total: int) -> NDArray[np.int64]:
    shares = np.cumsum(weights)
    steps = np.floor(shares / shares[-1] * total + 1e-9).astype(np.int64)
    steps[-1] = total
    parts: NDArray[np.int64] = np.diff(steps, prepend=0)
    return parts
