"""Stops of a position whose orders stand at a venue: the step's own rules, at a fill and at a bar's close.

The bar step fills what its stops reach; here the venue does, so the stops only move. Nothing is filled.
"""

from quant_pipelines.accounting.account import Account
from quant_pipelines.backtest.stops import (
    HARD_STOP,
    NOTHING_STANDS,
    Level,
    Seen,
    Standing,
    StopTerms,
    closed_guard,
    entry_guard,
    goal_price,
    moved_level,
    renamed,
    resized,
    with_goal,
)
from quant_pipelines.core.jit import inlined, kernel


@inlined
def _resized(account: Account, standing: Standing, seen: Seen, stops: StopTerms) -> Standing:
    """Return the stops of a position from its average price; the goal is reckoned anew."""
    guard = standing.guard
    level = resized(account, guard, Level(standing.price, guard.reason), seen, stops)
    guard = with_goal(renamed(guard, level.reason), goal_price(account, guard, stops))
    return Standing(level.price, guard)


@kernel
def standing_at_entry(account: Account, bar_ms: int, seen: Seen, stops: StopTerms) -> Standing:
    """Return the stops of a position entered at its average price, in the bar that opened at ``bar_ms``."""
    entered = Standing(0.0, entry_guard(bar_ms, account.entry_price, seen, stops))
    return _resized(account, entered, seen, stops)


@kernel
def standing_resized(account: Account, standing: Standing, seen: Seen, stops: StopTerms) -> Standing:
    """Return the stops of a position whose size or average price has changed."""
    return _resized(account, standing, seen, stops)


@kernel
def standing_at_close(
    account: Account, standing: Standing, extremes: Seen, before: Seen, stops: StopTerms
) -> Standing:
    """Return the stops at a bar's close; ``extremes`` are that bar's, ``before`` those of the bar before."""
    if account.position == 0.0:
        return NOTHING_STANDS
    guard = standing.guard
    level = moved_level(account, Level(standing.price, guard.reason), guard, before, stops)
    guard = renamed(guard, level.reason)
    return Standing(level.price, closed_guard(guard, account.position, extremes, before, stops))


@kernel
def level_in_force(account: Account, standing: Standing, seen: Seen, stops: StopTerms) -> Level:
    """Level in force from now on, and whose it is; price 0 is none."""
    if account.position == 0.0:
        return Level(0.0, HARD_STOP)
    return moved_level(account, Level(standing.price, standing.guard.reason), standing.guard, seen, stops)
