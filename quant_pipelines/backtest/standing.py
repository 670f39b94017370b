"""Stops of a position whose orders stand at a venue: the step's own rules, at a fill and at a bar's close.

The bar step fills what its stops reach; here the venue does, so the stops only move. Nothing is filled.
"""

from typing import NamedTuple

from quant_pipelines.accounting.account import Account
from quant_pipelines.backtest.stops import (
    HARD_STOP,
    NO_GUARD,
    Guard,
    Level,
    Seen,
    StopTerms,
    closed_guard,
    entry_guard,
    goal_price,
    moved_level,
    resized,
)
from quant_pipelines.core.jit import inlined, kernel


class Standing(NamedTuple):
    """Stops of one position between two bars: level of the last bar, 0 is none, and what they remember."""

    price: float
    guard: Guard


NOTHING_STANDS = Standing(0.0, NO_GUARD)


@inlined
def _renamed(guard: Guard, reason: int, goal: float) -> Guard:
    return Guard(
        reason,
        guard.entry_ms,
        guard.best,
        guard.distance,
        guard.distance_reason,
        goal,
        guard.sar,
        guard.acceleration,
        guard.hard,
        guard.target,
        guard.time_ms,
    )


@kernel
def standing_at_entry(account: Account, bar_ms: int, seen: Seen, stops: StopTerms) -> Standing:
    """Return the stops of a position entered at its average price, in the bar that opened at ``bar_ms``."""
    guard = entry_guard(bar_ms, account.entry_price, seen, stops)
    level = resized(account, guard, Level(0.0, guard.reason), seen, stops)
    return Standing(level.price, _renamed(guard, level.reason, goal_price(account, guard, stops)))


@kernel
def standing_resized(account: Account, standing: Standing, seen: Seen, stops: StopTerms) -> Standing:
    """Return the stops of a position whose size or average price has changed."""
    guard = standing.guard
    level = resized(account, guard, Level(standing.price, guard.reason), seen, stops)
    return Standing(level.price, _renamed(guard, level.reason, goal_price(account, guard, stops)))


@kernel
def standing_at_close(
    account: Account, standing: Standing, extremes: Seen, before: Seen, stops: StopTerms
) -> Standing:
    """Return the stops at a bar's close; ``extremes`` are that bar's, ``before`` those of the bar before."""
    if account.position == 0.0:
        return Standing(0.0, NO_GUARD)
    guard = standing.guard
    level = moved_level(account, Level(standing.price, guard.reason), guard, before, stops)
    guard = _renamed(guard, level.reason, guard.goal)
    return Standing(level.price, closed_guard(guard, account.position, extremes, before, stops))


@kernel
def level_in_force(account: Account, standing: Standing, seen: Seen, stops: StopTerms) -> Level:
    """Level in force from now on, and whose it is; price 0 is none."""
    if account.position == 0.0:
        return Level(0.0, HARD_STOP)
    return moved_level(account, Level(standing.price, standing.guard.reason), standing.guard, seen, stops)
