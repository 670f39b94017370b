"""What the books of an account leave of its margin in a row, and in which order they are liquidated.

The rule is ``accounting.cross_margin``'s; both drivers of an account ask here.
"""

import numpy as np

from quant_pipelines.accounting.account import DUST
from quant_pipelines.accounting.cross_margin import maintained
from quant_pipelines.backtest.bar.fills import reach_within
from quant_pipelines.backtest.bar.state import BookState, StepBar, StepTerms
from quant_pipelines.core.arrays import BoolArray, FloatArray
from quant_pipelines.core.jit import kernel, scalar, shared


@kernel
def maintained_by(state: BookState, bar: StepBar, terms: StepTerms) -> float:
    """Margin that a book must maintain in a bar, at the worst price of it."""
    reach = reach_within(bar)
    return maintained(state.account, reach.mark_low, reach.mark_high, terms.margin)


@shared
def resting_bar(state: BookState, ts: int, ladder: FloatArray | None) -> StepBar:
    """Bar of a book whose symbol has none: it stands at its last close."""
    close = state.close
    return StepBar(ts, close, close, close, close, 0.0, 0.0, 0.0, 0.0, 0.0, ladder, 0.0)


@scalar
def binding(needed: FloatArray, is_left: BoolArray) -> int:
    """Book that maintains most among those that are left, the last of equal ones; shapes (n_books,)."""
    found, most = 0, -np.inf
    for b in range(needed.size):
        if is_left[b] and needed[b] >= most:
            found, most = b, needed[b]
    return found


@scalar
def behind(book: int, left: FloatArray, reserve: float) -> float:
    """Sum up what stands behind a book's own cash, quote: the reserve, and what the others leave."""
    total = reserve
    for other in range(left.size):
        if other != book:
            total += left[other]
    return total


@scalar
def is_nothing_left(value: float, capital: float) -> bool:
    """Whether an account is bankrupt; what float noise leaves of it is nothing."""
    return value <= DUST * capital
