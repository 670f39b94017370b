"""Layered stops of a position: each rule makes a level, the tightest is in force and names the exit.

Levels move when an execution bar closes, never within one, and only toward the price. Factors on the rules'
values (``StopScales``, and that of the equity's slope) are those of the last close: what is fixed at an entry
keeps the ones of then, what trails takes the newest.
"""

import math
from typing import NamedTuple

from quant_pipelines.accounting.account import Account
from quant_pipelines.core.exits import (
    ATR_STOP,
    BANKRUPTCY,
    CHANDELIER_STOP,
    END,
    EQUITY_STOP,
    EXIT_REASONS,
    HARD_STOP,
    LIMIT_ORDER,
    LIQUIDATION,
    SAR_STOP,
    STOP_ORDER,
    TAKE_PROFIT,
    TARGET,
    TIME_STOP,
    VOLATILITY_STOP,
)
from quant_pipelines.core.jit import change_of, inlined, scalar

__all__ = [  # of other files; what is defined here is public without it
    "EXIT_REASONS",
    "TARGET",
    "HARD_STOP",
    "END",
    "ATR_STOP",
    "VOLATILITY_STOP",
    "CHANDELIER_STOP",
    "SAR_STOP",
    "TIME_STOP",
    "EQUITY_STOP",
    "TAKE_PROFIT",
    "LIQUIDATION",
    "LIMIT_ORDER",
    "STOP_ORDER",
    "BANKRUPTCY",
]
SAR_STEPS = 10.0


class StopTerms(NamedTuple):
    """Rules for compiled code; 0 is no such rule.

    Parameters
    ----------
    hard
        Distance from the entry price as a fraction of it.
    atr, volatility
        Distance from the entry price in average true ranges, or in deviations of a bar's return times price;
        both as of the close before the entry.
    chandelier
        Distance from the best price since the entry in average true ranges.
    sar
        Step of the acceleration of a parabolic stop; it is capped at ten steps.
    time_ms
        Longest time in a position, milliseconds.
    equity
        Fall of the book's equity from its peak, as a fraction, at a close; the peak begins again after it.
    target
        Distance of the take-profit from the entry price as a fraction of it.
    slope_tightening, slope_days
        Factor on the distances of hard, ATR, volatility and Chandelier stops while the exponential average of
        the book's equity over that many day ends falls; see ``Slope``.
    varies
        1 where the distance that trails may differ at every close, so that a held book is looked at in each.
    """

    hard: float = 0.0
    atr: float = 0.0
    volatility: float = 0.0
    chandelier: float = 0.0
    sar: float = 0.0
    time_ms: float = 0.0
    equity: float = 0.0
    target: float = 0.0
    slope_tightening: float = 0.0
    slope_days: float = 1.0
    varies: float = 0.0


NO_STOPS = StopTerms()


class StopScales(NamedTuple):
    """Factors on the values of the rules, in the order of ``StopTerms``."""

    hard: float = 1.0
    atr: float = 1.0
    volatility: float = 1.0
    chandelier: float = 1.0
    sar: float = 1.0
    time_ms: float = 1.0
    equity: float = 1.0
    target: float = 1.0


NO_SCALES = StopScales()


class StopInputs(NamedTuple):
    """What the rules read at a strategy bar's close: true range, deviation of a return; 0 is unknown.

    ``scales`` are the strategy's own factors as of that close.
    """

    atr: float
    deviation: float
    scales: StopScales = NO_SCALES


class Slope(NamedTuple):
    """Exponential average of a book's equity at UTC day ends, and the factor while it falls, else 1.

    The average begins at the capital and moves by 2 / (days + 1) of the difference; days without a bar don't
    count.
    """

    mean: float
    factor: float


NO_INPUTS = StopInputs(0.0, 0.0)


class Guard(NamedTuple):
    """What the stops of a position remember between two execution bars.

    Parameters
    ----------
    reason
        Which rule the level in force is of; indexes ``EXIT_REASONS``.
    entry_ms
        Open time of the bar of the entry.
    best
        Best price since the entry where a stop trails it, else the entry's; 0 when flat.
    distance, distance_reason
        Distance of the stop that is fixed at the entry besides the hard one, quote, and whose it is;
        infinite is none.
    goal
        Price of the take-profit; 0 is none.
    sar, acceleration
        Level of the parabolic stop for the next bar, 0 is none, and its acceleration.
    hard, target, time_ms
        Values of these rules that are in force since the entry; 0 is as declared.
    """

    reason: int
    entry_ms: int
    best: float
    distance: float
    distance_reason: int
    goal: float
    sar: float
    acceleration: float
    hard: float = 0.0
    target: float = 0.0
    time_ms: float = 0.0


NO_GUARD = Guard(HARD_STOP, 0, 0.0, math.inf, ATR_STOP, 0.0, 0.0, 0.0)


class Standing(NamedTuple):
    """Stop of a position between two bars: its level in the last bar, 0 is none, and what it remembers."""

    price: float
    guard: Guard


NOTHING_STANDS = Standing(0.0, NO_GUARD)


class Seen(NamedTuple):
    """Newest inputs of the rules, and low, high and volume of the last closed bar.

    ``tightening`` is the factor of the equity's slope as of that close.
    """

    atr: float
    deviation: float
    low: float
    high: float
    volume: float
    tightening: float = 1.0


NOTHING_SEEN = Seen(0.0, 0.0, 0.0, 0.0, 0.0)


class Level(NamedTuple):
    """Price of a stop, 0 is none, and the rule that it is of."""

    price: float
    reason: int


with_hard = change_of(StopTerms, "hard")
with_price = change_of(Standing, "price")
_with_guard = change_of(Standing, "guard")
_renamed = change_of(Guard, "reason")
_with_goal = change_of(Guard, "goal")
_trailed = change_of(Guard, "best", "sar", "acceleration")
_scaled = change_of(StopTerms, *StopScales._fields)


@inlined
def side_of(position: float) -> float:
    """Return -1 for a short position, else 1."""
    return -1.0 if position < 0.0 else 1.0


@inlined
def tighter(side: float, level: Level, price: float, reason: int) -> Level:
    """Return the level nearer to the price; the first of two equal ones."""
    if not price > 0.0 or price == math.inf:
        return level
    if level.price <= 0.0 or side * price > side * level.price:
        return Level(price, reason)
    return level


@inlined
def since_entry(fixed: float, declared: float) -> float:
    """Value in force since the entry; the declared one for a position that began without it."""
    return fixed if fixed > 0.0 else declared


@inlined
def fixed_level(account: Account, guard: Guard, stops: StopTerms) -> Level:
    """Stop that is fixed at the entry, from the average entry price."""
    side, level = side_of(account.position), Level(0.0, HARD_STOP)
    if account.position == 0.0:
        return level
    hard = since_entry(guard.hard, stops.hard)
    if hard > 0.0:
        level = Level(account.entry_price * (1.0 - side * hard), HARD_STOP)
    return tighter(side, level, account.entry_price - side * guard.distance, guard.distance_reason)


@inlined
def _at(stop: Standing, level: Level) -> Standing:
    return Standing(level.price, _renamed(stop.guard, level.reason))


@inlined
def _moved_level(account: Account, level: Level, guard: Guard, seen: Seen, stops: StopTerms) -> Level:
    if account.position == 0.0:
        return level
    side = side_of(account.position)
    if stops.chandelier > 0.0 and guard.best > 0.0 and seen.atr > 0.0:
        trail = side * guard.best - stops.chandelier * seen.tightening * seen.atr
        level = tighter(side, level, side * trail, CHANDELIER_STOP)
    return tighter(side, level, guard.sar, SAR_STOP)


@scalar
def moved(account: Account, stop: Standing, seen: Seen, stops: StopTerms) -> Standing:
    """Stop in force in the next bar, from the one in the last bar and what was known at its close."""
    level = Level(stop.price, stop.guard.reason)
    return _at(stop, _moved_level(account, level, stop.guard, seen, stops))


@inlined
def entered(ts: int, price: float, seen: Seen, stops: StopTerms) -> Standing:
    """Stop of a position that was entered at a price, before its size is known; see ``resized``."""
    distance, reason = math.inf, ATR_STOP
    if stops.atr > 0.0 and seen.atr > 0.0:
        distance = stops.atr * seen.tightening * seen.atr
    if stops.volatility > 0.0 and seen.deviation > 0.0:
        spread = stops.volatility * seen.tightening * seen.deviation * price
        if spread < distance:
            distance, reason = spread, VOLATILITY_STOP
    hard = stops.hard * seen.tightening
    time_ms = float(math.floor(stops.time_ms))
    guard = Guard(HARD_STOP, ts, price, distance, reason, 0.0, 0.0, 0.0, hard, stops.target, time_ms)
    return Standing(0.0, guard)


@inlined
def resized(account: Account, stop: Standing, seen: Seen, stops: StopTerms) -> Standing:
    """Stop of a position whose average price has changed; a trailing level is never given up."""
    guard, level = stop.guard, fixed_level(account, stop.guard, stops)
    if guard.reason in (CHANDELIER_STOP, SAR_STOP):
        level = tighter(side_of(account.position), level, stop.price, guard.reason)
    stop = _at(stop, _moved_level(account, level, guard, seen, stops))
    return _with_guard(stop, _with_goal(stop.guard, _goal_price(account, guard, stops)))


@inlined
def watched(stop: Standing, position: float, extremes: Seen, before: Seen, stops: StopTerms) -> Standing:
    """Stop at a bar's close; ``extremes`` are that bar's, ``before`` those of the bar before.

    The parabolic stop is Wilder's (New Concepts in Technical Trading Systems, 1978): it begins after the
    bar of the entry and never lies within the last two bars.
    """
    side, guard = side_of(position), stop.guard
    favorable = extremes.high if position > 0.0 else extremes.low
    is_better = (stops.chandelier > 0.0 or stops.sar > 0.0) and side * favorable > side * guard.best
    best = favorable if is_better else guard.best
    sar, acceleration = guard.sar, guard.acceleration
    if stops.sar > 0.0:
        adverse = extremes.low if position > 0.0 else extremes.high
        last = before.low if position > 0.0 else before.high
        bound = side * min(side * adverse, side * last) if last > 0.0 else adverse
        if sar <= 0.0:
            sar, acceleration = bound, stops.sar
        else:
            if is_better:
                acceleration = min(acceleration + stops.sar, SAR_STEPS * stops.sar)
            moved = sar + acceleration * (best - sar)
            sar = side * min(side * moved, side * bound)
    return _with_guard(stop, _trailed(guard, best=best, sar=sar, acceleration=acceleration))


@inlined
def _goal_price(account: Account, guard: Guard, stops: StopTerms) -> float:
    target = since_entry(guard.target, stops.target)
    if account.position == 0.0 or target <= 0.0:
        return 0.0
    return account.entry_price * (1.0 + side_of(account.position) * target)


@inlined
def is_adverse(position: float, price: float, low: float, high: float) -> bool:
    """Whether a level at or beyond which a position is closed was reached."""
    if price <= 0.0:
        return False
    return (position > 0.0 and low <= price) or (position < 0.0 and high >= price)


@inlined
def needs_every_bar(stops: StopTerms) -> bool:
    """Whether a held position must be looked at in every bar, not only where a level is reached."""
    is_retrailed = stops.varies > 0.0 and stops.chandelier > 0.0
    return stops.sar > 0.0 or stops.equity > 0.0 or is_retrailed


@scalar
def scaled(stops: StopTerms, scales: StopScales) -> StopTerms:
    """Rules with the factors of a close on their values."""
    return _scaled(
        stops,
        hard=stops.hard * scales.hard,
        atr=stops.atr * scales.atr,
        volatility=stops.volatility * scales.volatility,
        chandelier=stops.chandelier * scales.chandelier,
        sar=stops.sar * scales.sar,
        time_ms=stops.time_ms * scales.time_ms,
        equity=stops.equity * scales.equity,
        target=stops.target * scales.target,
    )


@inlined
def slope_after(slope: Slope, day_end_equity: float, stops: StopTerms) -> Slope:
    """Slope of the equity after one more day's end."""
    if stops.slope_tightening <= 0.0:
        return slope
    change = (day_end_equity - slope.mean) * (2.0 / (stops.slope_days + 1.0))
    return Slope(slope.mean + change, stops.slope_tightening if change < 0.0 else 1.0)
