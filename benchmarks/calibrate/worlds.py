"""Worlds of daily net returns in which no candidate has an edge, one row a kind. A seed is a world."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from benchmarks.calibrate.real_days import real_days
from quant_pipelines.core.arrays import FloatArray

DAILY = 0.02


class World(NamedTuple):
    """Net returns, shape (n_days, n_candidates), and those beyond holding the average exposure, if any."""

    returns: FloatArray
    beyond_holding: FloatArray | None = None
    longest_holding_days: int = 1


class Size(NamedTuple):
    days: int
    candidates: int


def normal(chance: np.random.Generator, size: Size) -> World:
    return World(DAILY * chance.standard_normal(size))


def clusters(chance: np.random.Generator, size: Size) -> World:
    """Student's t with 4 degrees of freedom, GARCH(1, 1) of persistence 0.97."""
    shocks = chance.standard_t(4, size) / np.sqrt(2.0)
    variance, returns = np.ones(size.candidates), np.empty(size)
    for day in range(size.days):
        returns[day] = np.sqrt(variance) * shocks[day]
        variance = 0.03 + 0.09 * np.minimum(returns[day] ** 2, 50.0) + 0.88 * variance
    return World(DAILY * returns)


def eras(chance: np.random.Generator, size: Size) -> World:
    """Calm and wild eras of about 90 days, four times apart in volatility, common to all."""
    wild = (np.cumsum(chance.random(size.days) < 1 / 90) + chance.integers(2)) % 2
    return World(DAILY * chance.standard_normal(size) * np.where(wild, 2.0, 0.5)[:, None])


def drift(chance: np.random.Generator, size: Size) -> World:
    """All symbols rise (Sharpe 1.5); candidates hold them half of the time, at random."""
    market = DAILY * (chance.standard_normal(size) * 0.6 + 0.8 * chance.standard_normal((size.days, 1)))
    market += 1.5 / np.sqrt(365) * DAILY
    exposures = _exposures(chance, size)
    return World(market * exposures, market * (exposures - 0.5))


def _exposures(chance: np.random.Generator, size: Size) -> FloatArray:
    """0 or 1, changed every five days on average."""
    changes = np.cumsum(chance.random(size) < 1 / 5, axis=0)
    columns = [chance.integers(0, 2, size.days + 1)[changes[:, k]] for k in range(size.candidates)]
    return np.column_stack(columns).astype(np.float64)


def common_factor(chance: np.random.Generator, size: Size) -> World:
    shared = np.sqrt(0.8) * chance.standard_normal((size.days, 1))
    return World(DAILY * (shared + np.sqrt(0.2) * chance.standard_normal(size)))


def bounce(chance: np.random.Generator, size: Size) -> World:
    """Bid-ask bounce of half a day's move; every fifth close is stale and caught up on the next day."""
    noise = 0.5 * chance.standard_normal((size.days + 1, size.candidates))
    prices = np.cumsum(chance.standard_normal((size.days + 1, size.candidates)), axis=0) + noise
    stale = chance.random(prices.shape) < 0.2
    stale[0] = False
    rows = np.maximum.accumulate(np.where(stale, 0, np.arange(size.days + 1)[:, None]), axis=0)
    return World(DAILY * np.diff(np.take_along_axis(prices, rows, axis=0), axis=0))


def seasons(chance: np.random.Generator, size: Size) -> World:
    """Weekdays with volatilities and means of their own, which add up to nothing over a week."""
    volatility = np.array([1.0, 1.1, 1.2, 1.1, 1.0, 0.6, 0.5])
    means = np.array([0.2, 0.1, 0.0, -0.1, -0.2, -0.1, 0.1])
    weekday = (np.arange(size.days) + chance.integers(7)) % 7
    return World(DAILY * (chance.standard_normal(size) * volatility[weekday, None] + means[weekday, None]))


def hours(chance: np.random.Generator, size: Size) -> World:
    """Hours with volatilities and means of their own, funding every eighth; a day's sum has a mean of zero.

    Candidates hold at random, for five hours on average, whatever the hour.
    """
    hour = np.arange(24)
    volatility = 1.0 + 0.6 * np.sin(2.0 * np.pi * (hour - 8) / 24.0)
    means = 0.15 * np.sin(2.0 * np.pi * hour / 24.0)
    funding = np.where(hour % 8 == 0, 0.1, 0.0) * chance.standard_normal((size.days, 24))
    moves = chance.standard_normal((size.days, 24, size.candidates)) * volatility[:, None]
    moves += (means + funding)[:, :, None]
    exposures = _exposures(chance, Size(size.days * 24, size.candidates)).reshape(moves.shape) - 0.5
    return World(DAILY / np.sqrt(12.0) * (moves * exposures).sum(axis=1))


def permuted_days(chance: np.random.Generator, size: Size) -> World:
    """Real days of perpetual futures, in blocks of ten in drawn order; the rules saw the old order.

    A candidate is long after a gain and short after a loss of the last 2 to 60 days of its symbol; what it
    holds then knows nothing of the days that it meets. Returns are those beyond holding too.
    """
    market = real_days()
    columns = np.arange(size.candidates) % market.shape[1]
    lookbacks = chance.integers(2, 61, size.candidates)
    sums = np.cumsum(market, axis=0)
    held = np.column_stack(
        [np.sign(sums[60:-1, k] - sums[60 - n : -1 - n, k]) for k, n in zip(columns, lookbacks, strict=True)]
    )[: size.days]
    starts = chance.permutation(market.shape[0] // 10)[: -(-size.days // 10)] * 10
    rows = (starts[:, None] + np.arange(10)).ravel()[: size.days]
    met = market[rows][:, columns]
    return World(met * held, met * (held - held.mean(axis=0)))


def near_twins(chance: np.random.Generator, size: Size) -> World:
    shared = np.sqrt(0.98) * chance.standard_normal((size.days, 1))
    return World(DAILY * (shared + np.sqrt(0.02) * chance.standard_normal(size)))


def mixed_lengths(chance: np.random.Generator, size: Size) -> World:
    returns = clusters(chance, size).returns
    begins = chance.integers(0, max(size.days - 60, 1), size.candidates)
    begins[0] = 0
    return World(np.where(np.arange(size.days)[:, None] < begins, np.nan, returns))


def chosen_whitelist(chance: np.random.Generator, size: Size) -> World:
    """Of 200 symbols, each month those that moved up most in the 30 days before; each place is a record."""
    symbols = eras(chance, Size(size.days + 30, 200)).returns
    returns = np.empty(size)
    for start in range(0, size.days, 30):
        best = np.argsort(-symbols[start : start + 30].sum(axis=0), kind="stable")[: size.candidates]
        days = symbols[start + 30 : min(start + 60, size.days + 30)]
        returns[start : start + len(days)] = days[:, best]
    return World(returns)


def overlapping_trades(chance: np.random.Generator, size: Size) -> World:
    """Trades of ten days, booked whole on the day of their exit, one open at a time, on a factor of 0.5."""
    days = np.sqrt(0.5) * (chance.standard_normal((size.days, 1)) + chance.standard_normal(size))
    place = (np.arange(size.days)[:, None] + chance.integers(0, 10, size.candidates)) % 10
    sums = np.cumsum(np.vstack([np.zeros((10, size.candidates)), days]), axis=0)
    return World(DAILY * np.where(place == 9, sums[10:] - sums[:-10], 0.0), longest_holding_days=10)


def stale_marks(chance: np.random.Generator, size: Size) -> World:
    """Ten overlapping holdings marked late: a day's return is the mean of ten days' moves."""
    sums = np.cumsum(chance.standard_normal((size.days + 10, size.candidates)), axis=0)
    return World(DAILY * (sums[10:] - sums[:-10]) / np.sqrt(10.0), longest_holding_days=10)


def rare_loss(chance: np.random.Generator, size: Size) -> World:
    """Lose half once in 500 days, and earn it back a little every day: mean zero, a tail that was sold."""
    lost = chance.random(size) < 0.002
    return World(np.where(lost, -0.5, 0.001 / 0.998) + 0.002 * chance.standard_normal(size))


NOISE: Mapping[str, Callable[[np.random.Generator, Size], World]] = {
    "normal": normal,
    "heavy tails, volatility clusters": clusters,
    "volatility eras": eras,
    "drift without skill": drift,
    "one common factor (0.8)": common_factor,
    "bounce and stale closes": bounce,
    "weekly seasons": seasons,
    "intraday and funding-hour seasons": hours,
    "block-permuted real returns": permuted_days,
    "24 near-twins": near_twins,
    "mixed lengths": mixed_lengths,
    "whitelist chosen by the last 30 days": chosen_whitelist,
    "overlapping holdings, on trades": overlapping_trades,
    "overlapping holdings, stale marks": stale_marks,
    "rare loss": rare_loss,
}
