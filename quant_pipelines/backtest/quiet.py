"""The bar on which nothing happens, for K books abreast: what ``step_bar`` would do to it, and no more.

Whatever does happen is ``step_bar``'s: these functions only say, on the side of caution, whether something
could. A book that is stepped on a quiet bar ends in the same state, to the last bit.
"""

import math
from typing import NamedTuple

from quant_pipelines.accounting.account import equity
from quant_pipelines.backtest.step import BookState
from quant_pipelines.core.jit import inlined
from quant_pipelines.core.lanes import Lanes, Word, bits, either, get, put, sel, splat, unlikely, vabs, vmax
from quant_pipelines.portfolio.sizing import FIXED, VOLATILITY_TARGET
from quant_pipelines.trading.cycle import sign_of
from quant_pipelines.trading.rules import TradingTerms

ROUNDING = 1e-9


class Quiet(NamedTuple):
    """What a quiet bar reads and moves, a lane for each book.

    Parameters
    ----------
    cash, position, entry_price
        Of the account.
    side
        -1 for a short position, else 1: prices times ``side`` rise in the position's favor.
    stop, goal
        Prices times ``side`` at or beyond which the book must be stepped; infinite is never.
    wanted
        Target within the allowed range; 0 where no decision can follow from a price.
    slack
        Base quantity by which the wanted position may differ from the held one before a decision is due;
        infinite is never, minus infinite is at every bar.
    equity
        At the last close, quote.
    peak, deepest
        Highest equity at a close, and the deepest fall from it as a positive fraction.
    """

    cash: Lanes
    position: Lanes
    entry_price: Lanes
    side: Lanes
    stop: Lanes
    goal: Lanes
    wanted: Lanes
    slack: Lanes
    equity: Lanes
    peak: Lanes
    deepest: Lanes


class Worth(NamedTuple):
    """Base quantity of a full target at a bar: (equity x ``weight`` + ``quantity``) / ``unit_cost``."""

    weight: float
    quantity: float
    unit_cost: float


@inlined
def reached(quiet: Quiet, low: float, high: float) -> Word:
    """Lanes, as bits, whose stop or goal lies within the bar."""
    is_short = quiet.side < 0.0
    adverse = sel(is_short, -high, low)
    favorable = sel(is_short, -low, high)
    return bits(either(adverse <= quiet.stop, favorable >= quiet.goal))


@inlined
def marked(quiet: Quiet, close: float) -> Quiet:
    """Equity, peak and drawdown at a close."""
    value = equity(quiet, close)  # type: ignore[arg-type]  # has the three fields of an account
    peak = vmax(quiet.peak, value)
    fall = peak - value
    is_deeper = fall > quiet.deepest * peak
    deepest = quiet.deepest
    if unlikely(bits(is_deeper) != 0):
        deepest = sel(is_deeper, fall / peak, deepest)
    return Quiet(
        quiet.cash,
        quiet.position,
        quiet.entry_price,
        quiet.side,
        quiet.stop,
        quiet.goal,
        quiet.wanted,
        quiet.slack,
        value,
        peak,
        deepest,
    )


@inlined
def worth_at(close: float, volatility: float, terms: TradingTerms) -> Worth:
    """Value of a full target; see ``portfolio.sizing.desired_quantity``."""
    if terms.sizing.kind == FIXED:
        return Worth(0.0, terms.sizing.amount, 1.0)
    weight = terms.sizing.amount
    if terms.sizing.kind == VOLATILITY_TARGET:
        weight = min(terms.sizing.max_weight, weight / volatility) if volatility > 0.0 else 0.0
    unit_cost = close * (1.0 + terms.costs.slippage_rate) * (1.0 + terms.costs.fee_rate)
    return Worth(weight, 0.0, unit_cost)


@inlined
def content(quiet: Quiet, worth: Worth) -> Word:
    """Lanes, as bits, for which a decision would certainly change nothing."""
    desired = quiet.wanted * (quiet.equity * worth.weight + worth.quantity)
    drift = vabs(desired - quiet.position * worth.unit_cost)
    return bits(drift <= quiet.slack * worth.unit_cost)


@inlined
def quiet_lanes(state: BookState, width: int) -> Quiet:
    """All lanes in the state before the first bar."""
    zero = splat(0.0, width)
    cash, never = splat(state.account.cash, width), splat(math.inf, width)
    position, entry = splat(state.account.position, width), splat(state.account.entry_price, width)
    return Quiet(cash, position, entry, zero + 1.0, zero - math.inf, never, zero, never, cash, cash, zero)


@inlined
def with_book(quiet: Quiet, lane: int, state: BookState) -> Quiet:
    """Take a book that was stepped over into its lane."""
    side = -1.0 if state.account.position < 0.0 else 1.0
    stop = side * state.stop_price if state.stop_price > 0.0 else -math.inf
    return Quiet(
        put(quiet.cash, lane, state.account.cash),
        put(quiet.position, lane, state.account.position),
        put(quiet.entry_price, lane, state.account.entry_price),
        put(quiet.side, lane, side),
        put(quiet.stop, lane, stop),
        quiet.goal,
        quiet.wanted,
        quiet.slack,
        quiet.equity,
        quiet.peak,
        quiet.deepest,
    )


@inlined
def with_target(quiet: Quiet, lane: int, state: BookState, target: float, terms: TradingTerms) -> Quiet:
    """Take over from when on a decision on the same target may differ from the one that was just made."""
    wanted, slack = 0.0, math.inf
    if target == target:  # noqa: PLR0124 - a number
        clipped = min(max(target, terms.lowest_target), terms.highest_target)
        held, side = state.account.position, sign_of(clipped)
        is_agreed = side == state.target_side and state.pending == 0.0
        if not is_agreed or (held != 0.0 and sign_of(held) != side):
            slack = -math.inf
        elif held != 0.0:
            wanted = clipped
            slack = abs(held) * (terms.rebalance_band * (1.0 - ROUNDING) - ROUNDING)
            slack -= terms.lot_size * (1.0 + ROUNDING)
    return Quiet(
        quiet.cash,
        quiet.position,
        quiet.entry_price,
        quiet.side,
        quiet.stop,
        quiet.goal,
        put(quiet.wanted, lane, wanted),
        put(quiet.slack, lane, slack),
        quiet.equity,
        quiet.peak,
        quiet.deepest,
    )


@inlined
def recalled(state: BookState, quiet: Quiet, lane: int, close: float) -> BookState:
    """State of a book at a close up to which its bars were quiet."""
    return BookState(
        state.account,
        state.pending,
        state.stop_price,
        state.target_side,
        close,
        get(quiet.equity, lane),
        state.day_start_equity,
        state.day_end_ms,
    )
