"""What the books of an account leave of its margin in a row, and in which order they are liquidated.

The rule is ``accounting.cross_margin``'s; both drivers of an account ask here.
"""

import numpy as np

from quant_pipelines.accounting.account import DUST, apply_fill, apply_funding
from quant_pipelines.accounting.cross_margin import maintained, worst_balance
from quant_pipelines.backtest.bar.fills import reach_within
from quant_pipelines.backtest.bar.state import BookState, StepBar, StepTerms
from quant_pipelines.core.arrays import BoolArray, FloatArray
from quant_pipelines.core.jit import kernel, scalar, shared
from quant_pipelines.costs import fee_of, taker_price


@kernel
def worst_of(state: BookState, bar: StepBar, terms: StepTerms) -> float:
    """Least that a book leaves of the account's margin in a bar, with its pending order filled or not."""
    account = state.account
    if account.position != 0.0 and bar.funding_per_unit != 0.0:
        account = apply_funding(account, account.position * bar.funding_per_unit)
    reach = reach_within(bar)
    worst = worst_balance(account, reach.mark_low, reach.mark_high, terms.margin)
    pending = state.order.quantity
    if pending != 0.0 and state.order.wait_bars == 0:
        price = taker_price(bar.open, pending, terms.costs, state.seen.volume, bar.ladder)
        filled = apply_fill(account, pending, price, fee_of(pending, price, terms.costs))
        worst = min(worst, worst_balance(filled, reach.mark_low, reach.mark_high, terms.margin))
    return worst


@kernel
def maintained_by(state: BookState, bar: StepBar, terms: StepTerms) -> float:
    """Margin that a book must maintain in a bar, at the worst price of it."""
    reach = reach_within(bar)
    return maintained(state.account, reach.mark_low, reach.mark_high, terms.margin)


@shared
def resting_bar(state: BookState, ts: int, ladder: FloatArray | None) -> StepBar:
    """Bar of a book whose symbol has none: it stands at its last close."""
    close = state.close
    return StepBar(ts, close, close, close, close, 0.0, 0.0, 0.0, 0.0, 0.0, ladder)


@scalar
def binding(needed: FloatArray, is_left: BoolArray) -> int:
    """Book that maintains most among those that are left, the last of equal ones; shapes (n_books,)."""
    found, most = 0, -np.inf
    for b in range(needed.size):
        if is_left[b] and needed[b] >= most:
            found, most = b, needed[b]
    return found


@scalar
def support_of(book: int, worst: FloatArray, reserve: float) -> float:
    """Sum up what stands behind a book's own cash, quote: the reserve, and the least that others leave."""
    support = reserve
    for other in range(worst.size):
        if other != book:
            support += worst[other]
    return support


@scalar
def is_nothing_left(value: float, capital: float) -> bool:
    """Whether an account is bankrupt; what float noise leaves of it is nothing."""
    return value <= DUST * capital
