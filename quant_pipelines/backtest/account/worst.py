"""What a book leaves of an account's margin in a bar, whatever of its orders fills there.

Everything is taken to come together: the orders of either side that the bar reaches, or none of them, and
then the worst price. What only reduces is not counted on, nor is a cap on what the volume lets fill.
"""

from typing import NamedTuple

from quant_pipelines.accounting.account import Account, apply_fill, apply_funding
from quant_pipelines.accounting.cross_margin import worst_balance
from quant_pipelines.backtest.bar.fills import fillable, reach_within
from quant_pipelines.backtest.bar.resting_rows import (
    AGE,
    EXPIRES,
    KIND,
    LEAVES,
    LIMIT,
    POST_ONLY,
    PRICE,
    REDUCE_ONLY,
    STOP,
    WAIT,
)
from quant_pipelines.backtest.bar.state import BookState, StepBar, StepTerms
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import inlined, inner, kernel
from quant_pipelines.costs import fee_of, taker_price


@inlined
def _funded(account: Account, funding_per_unit: float) -> Account:
    if account.position != 0.0 and funding_per_unit != 0.0:
        account = apply_funding(account, account.position * funding_per_unit)
    return account


@inlined
def _filled_at_open(account: Account, state: BookState, bar: StepBar, terms: StepTerms) -> Account:
    """Account once the pending market order has filled, if its time has come."""
    pending = fillable(state.order, state.seen.volume, terms)
    if pending == 0.0 or state.order.wait_bars != 0:
        return account
    price = taker_price(bar.open, pending, terms.costs, state.seen.volume, bar.ladder)
    return apply_fill(account, pending, price, fee_of(pending, price, terms.costs))


@inlined
def _worst(account: Account, bar: StepBar, terms: StepTerms) -> float:
    reach, account = reach_within(bar), _funded(account, bar.funding_inside)
    return worst_balance(account, reach.mark_low, reach.mark_high, terms.margin)


@kernel
def worst_of(state: BookState, bar: StepBar, terms: StepTerms) -> float:
    """Least that a book leaves of the account's margin in a bar, with its pending order filled or not."""
    account = _funded(state.account, bar.funding_per_unit)
    worst = _worst(account, bar, terms)
    if state.order.quantity != 0.0:
        worst = min(worst, _worst(_filled_at_open(account, state, bar, terms), bar, terms))
    return worst


class Within(NamedTuple):
    """A bar, the terms in it, and the volume of the bar before."""

    bar: StepBar
    terms: StepTerms
    volume: float


@inner
def _limit_within(order: FloatArray, bar: StepBar) -> float:
    """Price at which a limit fills in a bar, 0 where it can't; at an open beyond it, at that open."""
    price, side = order[PRICE], (1.0 if order[LEAVES] > 0.0 else -1.0)
    if side * bar.open < side * price:
        return 0.0 if order[POST_ONLY] > 0.0 and order[AGE] == 0.0 else bar.open
    is_through = bar.low < price if side > 0.0 else bar.high > price
    return price if is_through else 0.0


@inner
def _taken_within(order: FloatArray, within: Within) -> float:
    """Price that a stop or a market order pays in a bar, 0 where it isn't triggered."""
    bar, quantity, price = within.bar, order[LEAVES], within.bar.open
    if order[KIND] == STOP:
        trigger = order[PRICE]
        if not (bar.high >= trigger if quantity > 0.0 else bar.low <= trigger):
            return 0.0
        price = max(price, trigger) if quantity > 0.0 else min(price, trigger)
    return taker_price(price, quantity, within.terms.costs, within.volume, bar.ladder)


@inner
def _filled_within(account: Account, orders: FloatArray, side: float, within: Within) -> Account:
    """Account once all orders of a side have filled that may open and that the bar reaches."""
    for order in orders:
        quantity = order[LEAVES]
        is_idle = order[REDUCE_ONLY] > 0.0 or order[WAIT] > 0.0 or within.bar.ts >= order[EXPIRES]
        if is_idle or quantity * side <= 0.0:
            continue
        price = _limit_within(order, within.bar) if order[KIND] == LIMIT else _taken_within(order, within)
        if price > 0.0:
            account = apply_fill(account, quantity, price, fee_of(quantity, price, within.terms.costs))
    return account


@kernel
def worst_with_orders(state: BookState, bar: StepBar, terms: StepTerms, orders: FloatArray) -> float:
    """Least that a book leaves in a bar in which orders rest; see ``worst_of``.

    Parameters
    ----------
    state, bar, terms
        As in ``step_orders``.
    orders
        Shape (n_orders, WIDTH); read only.
    """
    worst, within = worst_of(state, bar, terms), Within(bar, terms, state.seen.volume)
    account = _funded(state.account, bar.funding_per_unit)
    opened = _filled_at_open(account, state, bar, terms)
    for side in (1.0, -1.0):
        worst = min(worst, _worst(_filled_within(account, orders, side, within), bar, terms))
        worst = min(worst, _worst(_filled_within(opened, orders, side, within), bar, terms))
    return worst
