"""Size and approval of an order that rests: the same sizer and the same rules as a target's.

What counts is the position if everything filled that may open on the order's side.
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.cells import cells_of, view_of
from quant_pipelines.core.jit import inner, kernel, scalar
from quant_pipelines.costs import floor_to_lot, is_below_min_notional
from quant_pipelines.portfolio.sizing import desired_quantity
from quant_pipelines.risk import NO_BREACH, Breach, Denial, RiskRequest, denial_of, first_breach
from quant_pipelines.trading.cycle import BookView, sign_of
from quant_pipelines.trading.rules import TradingRules, TradingTerms

PLACED, REDUCING, NO_SIZE, NO_ROOM, TOO_SMALL, DENIED = range(6)
REASONS = (
    "placed",
    "placed: it only reduces",
    "dropped: the size is 0 or not a number, or there is nothing to reduce",
    "dropped: what is held and ordered is a full position already",
    "dropped: the order is below the lot size or the smallest notional",
    "denied",
)


class Resting(NamedTuple):
    """Base quantity, positive, of the resting orders that may open: those that buy, and those that sell."""

    buys: float
    sells: float


class Sized(NamedTuple):
    """Outcome for compiled code; ``quantity`` 0 is no order."""

    code: int
    quantity: float
    breach: Breach


class Placement(NamedTuple):
    """Signed base quantity to order, 0 for none; whether it may only reduce; who refused; one sentence."""

    quantity: float
    is_reducing: bool
    denial: Denial | None
    reason: str


@kernel
def size_order(view: BookView, resting: Resting, size: float, price: float, terms: TradingTerms) -> Sized:
    """Quantity of an order worth ``size`` of a full position, for a book at its last close.

    Parameters
    ----------
    view
        The book; its price is the last close, at which sizes are reckoned.
    resting
        What rests already.
    size
        In [-1, 1].
    price
        At which it would fill; exposure is judged at the higher of both.
    terms
        Sizer, limits and steps.
    """
    side, held = sign_of(size), view.position
    if side == 0.0 or not size == size:  # noqa: SIM201, PLR0124 - not a number
        return Sized(NO_SIZE, 0.0, NO_BREACH)
    quantity = floor_to_lot(desired_quantity(view, size, terms.costs, terms.sizing), terms.lot_size)
    worst = held + (resting.buys if side > 0.0 else -resting.sells)
    full = desired_quantity(
        view, terms.highest_target if side > 0.0 else terms.lowest_target, terms.costs, terms.sizing
    )
    if side * (worst + quantity) > side * full:
        quantity = floor_to_lot(full - worst, terms.lot_size)
    if not side * quantity > 0.0:
        return Sized(NO_ROOM, 0.0, NO_BREACH)
    if held * side < 0.0 and side * (worst + quantity) <= 0.0:
        return Sized(REDUCING, quantity, NO_BREACH)
    return _approved(view, worst, quantity, price, terms)


@inner
def _approved(view: BookView, worst: float, quantity: float, price: float, terms: TradingTerms) -> Sized:
    """Ask the rules about an order that may open; what closes of it is never denied."""
    side = sign_of(quantity)
    if is_below_min_notional(quantity, min(price, view.price), terms.min_notional):
        return Sized(TOO_SMALL, 0.0, NO_BREACH)
    after, higher = worst + quantity, max(price, view.price)
    request = RiskRequest(
        after,
        higher,
        view.equity,
        view.day_start_equity,
        view.data_age_seconds,
        view.orders_today,
    )
    breach = first_breach(request, terms.limits)
    if breach.code == 0:
        return Sized(PLACED, quantity, breach)
    closing = floor_to_lot(-worst, terms.lot_size)
    if view.position * side < 0.0 and side * closing > 0.0:
        return Sized(REDUCING, closing, breach)
    return Sized(DENIED, 0.0, breach)


_TERMS = cells_of(TradingRules().terms)
_VIEW = cells_of(BookView(0.0, 0.0, 0.0, 0.0, 0.0))
_RESTING, _SIZED = cells_of(Resting(0.0, 0.0)), cells_of(Sized(NO_SIZE, 0.0, NO_BREACH))
_AT_VIEW = _TERMS.width
_AT_RESTING = _AT_VIEW + _VIEW.width
_AT_SIZED = _AT_RESTING + _RESTING.width
_read_terms, _read_view, _read_resting, _write_sized = _TERMS.read, _VIEW.read, _RESTING.read, _SIZED.write


@kernel
def _size_in_cells(cells: FloatArray, size: float, price: float) -> None:
    """Do as ``size_order``; see ``OrderSizer``."""
    view, resting = _read_view(cells, _AT_VIEW), _read_resting(cells, _AT_RESTING)
    terms = _read_terms(cells, 0)
    _write_sized(cells, _AT_SIZED, size_order(view, resting, size, price, terms))


class OrderSizer:
    """Sizes orders under some terms, which compiled code finds where it left them.

    Parameters
    ----------
    terms
        Sizer, limits and steps.

    Attributes
    ----------
    terms
        As given.

    Examples
    --------
    >>> from quant_pipelines.trading.cycle import BookView
    >>> from quant_pipelines.trading.resting import OrderSizer, Resting
    >>> from quant_pipelines.trading.rules import Specification, TradingRules
    >>> sizer = OrderSizer(TradingRules(specification=Specification(lot_size=1.0)).terms)
    >>> view = BookView(position=0.0, equity=1_000.0, price=10.0, day_start_equity=1_000.0, target_side=0.0)
    >>> sizer.place(view, Resting(0.0, 0.0), 0.5, 10.0)
    Placement(quantity=49.0, is_reducing=False, denial=None, reason='placed')
    """

    def __init__(self, terms: TradingTerms) -> None:
        self.terms = terms
        self._cells = np.zeros(_AT_SIZED + _SIZED.width)
        self._values = view_of(self._cells)
        _TERMS.write(self._values, 0, terms)

    def place(self, view: BookView, resting: Resting, size: float, price: float) -> Placement:
        """Decide on an order that may open; see ``size_order``."""
        _VIEW.write(self._values, _AT_VIEW, view)
        _RESTING.write(self._values, _AT_RESTING, resting)
        _size_in_cells(self._cells, float(size), float(price))
        sized = _SIZED.read(self._values, _AT_SIZED)
        denial = denial_of(sized.breach)
        reason = REASONS[sized.code] + (f" ({denial})" if denial else "")
        return Placement(sized.quantity, sized.code == REDUCING, denial, reason)


@scalar
def size_reduction(position: float, size: float, lot_size: float) -> float:
    """Quantity of an order over a share of what is held; 0 for none."""
    return floor_to_lot(-position * size, lot_size) if 0.0 < size <= 1.0 else 0.0


def reduce(position: float, size: float, lot_size: float) -> Placement:
    """Decide on an order over a share of what is held; it is never denied, and can't open."""
    quantity = size_reduction(float(position), float(size), float(lot_size))
    code = REDUCING if quantity != 0.0 else NO_SIZE
    return Placement(quantity, code == REDUCING, None, REASONS[code])
