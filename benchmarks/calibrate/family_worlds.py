"""Worlds of stored records in pools: who joins, who leaves, what each held, and who truly has an edge."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from benchmarks.calibrate.worlds import DAILY, Size, clusters, eras
from quant_pipelines.core.arrays import BoolArray, FloatArray
from quant_pipelines.optimize.capital import RecordDays, Unit

FIRST_DAY = date(2025, 1, 1)
N_DAYS = 730
LOOKS_BEGIN = 365
POOLS, SYMBOLS = 4, 6
INSIDE = 0.3
_SHAPE = Size(N_DAYS, POOLS * SYMBOLS)
_NEIGHBOR, _RANKED, _LISTED = 150, 200, 12


class FamilyWorld(NamedTuple):
    """Records, each with the days that it is there, and the ids of those with an edge beyond both nulls."""

    records: tuple[RecordDays, ...]
    edges: frozenset[int] = frozenset()


class Held(NamedTuple):
    """Days of all records side by side; shape (n_days, n_records)."""

    returns: FloatArray
    exposure: FloatArray
    holding: FloatArray


class Stay(NamedTuple):
    """First day of each record, and the one after its last, counted from the first of all."""

    begins: list[int]
    ends: list[int]


ALWAYS = Stay([0] * _SHAPE.candidates, [N_DAYS] * _SHAPE.candidates)


def independent(chance: np.random.Generator) -> FamilyWorld:
    return _world(_flat(DAILY * chance.standard_normal(_SHAPE)), ALWAYS)


def joined_and_left(chance: np.random.Generator) -> FamilyWorld:
    """Pools of correlation 0.3; half of the records begin in the year of the looks, a third leave in it."""
    return _world(_flat(_correlated(chance)), _stay(chance))


def heavy_joined(chance: np.random.Generator) -> FamilyWorld:
    """The same of Student's t with volatility clusters, which the records of a pool share."""
    own, shared = clusters(chance, _SHAPE).returns, clusters(chance, Size(N_DAYS, POOLS)).returns
    days = np.sqrt(1.0 - INSIDE) * own + np.sqrt(INSIDE) * np.repeat(shared, SYMBOLS, axis=1)
    return _world(_flat(days), _stay(chance))


def holding_by_chance(chance: np.random.Generator) -> FamilyWorld:
    """Six symbols that rise (Sharpe 1.5), held at random half of the time: only the second null is true."""
    market = 0.6 * chance.standard_normal((N_DAYS, SYMBOLS)) + 0.8 * chance.standard_normal((N_DAYS, 1))
    market = np.tile(DAILY * (market + 1.5 / np.sqrt(365)), (1, POOLS))
    exposure = _in_and_out(chance, market.shape)
    return _world(Held(market * exposure, exposure, market), _stay(chance))


def twins_inside(chance: np.random.Generator) -> FamilyWorld:
    """Three pairs of near-twins (0.98) in each pool, with joiners and leavers."""
    shared = np.repeat(chance.standard_normal((N_DAYS, POOLS * SYMBOLS // 2)), 2, axis=1)
    days = np.sqrt(0.98) * shared + np.sqrt(0.02) * chance.standard_normal(_SHAPE)
    return _world(_flat(DAILY * days), _stay(chance))


def chosen_by_last_month(chance: np.random.Generator) -> FamilyWorld:
    """Of 200 symbols, each month the twelve that rose most in the 30 days before; two strategies trade them.

    A symbol stays listed while it is among the first 150. Its records begin on the day of its listing and
    end with it; the days that chose it are in none.
    """
    symbols = eras(chance, Size(N_DAYS + 30, _RANKED)).returns
    stays = _listed(symbols)
    columns = [one[0] for one in stays] * 2
    stay = Stay([one[1] for one in stays] * 2, [one[2] for one in stays] * 2)
    market = symbols[30:, columns]
    exposure = _in_and_out(chance, market.shape)
    pools = [at // len(stays) for at in range(len(columns))]
    return _world(Held(market * exposure, exposure, market), stay, pools)


def _listed(symbols: FloatArray) -> list[tuple[int, int, int]]:
    """Symbol, first day and day after the last of each stay on the list."""
    there: dict[int, int] = {}
    stays = []
    for day in range(0, N_DAYS, 30):
        order = np.argsort(-symbols[day : day + 30].sum(axis=0), kind="stable").tolist()
        gone = there.keys() - set(order[:_NEIGHBOR])
        stays += [(symbol, there.pop(symbol), day) for symbol in sorted(gone)]
        new = [symbol for symbol in order if symbol not in there][: _LISTED - len(there)]
        there |= dict.fromkeys(new, day)
    return sorted([*stays, *((symbol, begin, N_DAYS) for symbol, begin in there.items())])


def planted(edges: int, sharpe: float) -> Callable[[np.random.Generator], FamilyWorld]:
    """So many records of the first pool have an edge, in pools of correlation 0.3."""

    def world(chance: np.random.Generator) -> FamilyWorld:
        days = _correlated(chance)
        days[:, :edges] += sharpe / np.sqrt(365) * DAILY
        return _world(_flat(days), ALWAYS)._replace(edges=frozenset(range(edges)))

    return world


def _correlated(chance: np.random.Generator) -> FloatArray:
    shared = np.repeat(chance.standard_normal((N_DAYS, POOLS)), SYMBOLS, axis=1)
    return DAILY * (np.sqrt(1.0 - INSIDE) * chance.standard_normal(_SHAPE) + np.sqrt(INSIDE) * shared)


def _flat(returns: FloatArray) -> Held:
    """Held nothing on average: both nulls ask the same."""
    return Held(returns, np.zeros(returns.shape), np.zeros(returns.shape))


def _in_and_out(chance: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """1 or 0, drawn anew every five days on average."""
    changes = np.cumsum(chance.random(shape) < 1 / 5, axis=0)
    drawn = chance.integers(0, 2, (shape[0] + 1, shape[1]))
    return np.take_along_axis(drawn, changes, axis=0).astype(np.float64)


def _stay(chance: np.random.Generator) -> Stay:
    n = _SHAPE.candidates
    joins: BoolArray = chance.random(n) < 1 / 2
    leaves: BoolArray = chance.random(n) < 1 / 3
    begins = np.where(joins, chance.integers(LOOKS_BEGIN - 60, N_DAYS - 60, n), 0)
    ends = np.where(leaves, chance.integers(LOOKS_BEGIN + 30, N_DAYS, n), N_DAYS)
    return Stay(begins.tolist(), np.where(ends - begins < 20, N_DAYS, ends).tolist())


def _world(days: Held, stay: Stay, pools: list[int] | None = None) -> FamilyWorld:
    places = pools or [number // SYMBOLS for number in range(days.returns.shape[1])]
    records = []
    for number, (pool, begin, end) in enumerate(zip(places, *stay, strict=True)):
        unit = Unit(number, f"rule{pool}", "1h", f"S{number}", f"rule{pool} 1h v1")
        parts = (part[begin:end, number] for part in days)
        records.append(RecordDays(unit, FIRST_DAY + timedelta(days=begin), *parts))
    return FamilyWorld(tuple(records))


FAMILY_NOISE: Mapping[str, Callable[[np.random.Generator], FamilyWorld]] = {
    "independent records": independent,
    "correlated pools, joiners and leavers": joined_and_left,
    "heavy tails and clusters, joiners and leavers": heavy_joined,
    "rising symbols held by chance, joiners and leavers": holding_by_chance,
    "near-twins inside pools, joiners and leavers": twins_inside,
    "12 of 200 symbols listed by their last 30 days": chosen_by_last_month,
}
FAMILY_EDGES: Mapping[str, Callable[[np.random.Generator], FamilyWorld]] = {
    "all 6 records of a pool, Sharpe 1": planted(6, 1.0),
    "all 6 records of a pool, Sharpe 2": planted(6, 2.0),
    "3 of 6 records of a pool, Sharpe 2": planted(3, 2.0),
    "1 of 6 records of a pool, Sharpe 3": planted(1, 3.0),
}
