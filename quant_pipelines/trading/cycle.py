"""The decision cycle: target, size, rounding, risk, order. Pure; the batch loop calls the same scalar."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from quant_pipelines.core.jit import inlined, scalar
from quant_pipelines.costs import floor_to_lot, is_below_min_notional, whole_lots
from quant_pipelines.portfolio.sizing import desired_quantity
from quant_pipelines.risk import NO_BREACH, Breach, Denial, RiskRequest, denial_of, first_breach
from quant_pipelines.trading.rules import TradingRules, TradingTerms

NO_OPINION, UNCHANGED, WITHIN_BAND, STOPPED_OUT, TOO_SMALL, ORDER = range(6)
DENIED, DENIED_CLOSE, SMALL_CLOSE = range(6, 9)
REASONS = (
    "no opinion: the target is not a number",
    "position and target agree",
    "held: the quantity is within the rebalance band",
    "held flat: the target's side was already traded and its position closed",
    "dropped: the order is below the lot size or the smallest notional",
    "order",
    "denied",
    "denied: only the closing part is ordered",
    "the order is below the smallest notional: only the closing part, which may be, is ordered",
)


class BookView(NamedTuple):
    """What a decision sees of a book, at the close of an execution bar.

    Parameters
    ----------
    position
        Base, signed; what is ordered but not yet filled counts as held.
    equity
        Quote, at ``price``.
    price
        Close of the bar, quote per base.
    day_start_equity
        Equity at 00:00 UTC of the day, quote.
    target_side
        -1, 0 or 1: side of the target that was last acted upon.
    volatility
        Annualized realized volatility as a fraction; read by a volatility target only, else 0.
    data_age_seconds
        Age of the newest market data by the wall clock; 0 in a replay.
    orders_today
        Orders decided since 00:00 UTC; those that stops or operators made don't count.
    """

    position: float
    equity: float
    price: float
    day_start_equity: float
    target_side: float
    volatility: float = 0.0
    data_age_seconds: float = 0.0
    orders_today: float = 0.0


class OrderDecision(NamedTuple):
    """Outcome for compiled code; ``order_quantity`` 0 is no order."""

    code: int
    desired_quantity: float
    order_quantity: float
    target_side: float
    breach: Breach


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided at a bar's close, and why.

    Parameters
    ----------
    target
        As the strategy gave it.
    desired_quantity
        Signed base quantity to hold, rounded to lots.
    order_quantity
        Signed base quantity to order now; 0 is no order.
    target_side
        Side that counts as acted upon from now on; the book keeps it.
    denial
        The rule that refused, if one did.
    reason
        One sentence.
    steps
        JSON document of the whole chain, for the journal.
    """

    target: float
    desired_quantity: float
    order_quantity: float
    target_side: float
    denial: Denial | None
    reason: str
    steps: dict[str, Any]


@scalar
def sign_of(value: float) -> float:
    """Return -1, 0 or 1."""
    if value > 0.0:
        return 1.0
    return -1.0 if value < 0.0 else 0.0


@scalar
def decide_order(view: BookView, target: float, terms: TradingTerms) -> OrderDecision:
    """Order that brings a book to a target.

    A change of side always orders; on the same side the quantity stays as it is within the rebalance band;
    a side whose position was closed by a stop is not entered again before the side changes. What reduces
    or closes is never denied.
    """
    held, acted = view.position, view.target_side
    if not target == target:  # noqa: SIM201, PLR0124 - not a number
        return OrderDecision(NO_OPINION, held, 0.0, acted, NO_BREACH)
    wanted = min(max(target, terms.lowest_target), terms.highest_target)
    side, held_side = sign_of(wanted), sign_of(held)
    if side == held_side and side == 0.0:
        return OrderDecision(UNCHANGED, 0.0, 0.0, side, NO_BREACH)
    if held_side == 0.0 and side == acted:
        return OrderDecision(STOPPED_OUT, 0.0, 0.0, acted, NO_BREACH)
    desired = 0.0
    if side != 0.0:
        desired = floor_to_lot(desired_quantity(view, wanted, terms.costs, terms.sizing), terms.lot_size)
        if side == held_side and abs(desired - held) <= terms.rebalance_band * abs(held):
            return OrderDecision(WITHIN_BAND, held, 0.0, side, NO_BREACH)
    return _approve(view, desired, side, terms)


@inlined
def _approve(view: BookView, desired: float, side: float, terms: TradingTerms) -> OrderDecision:
    held = view.position
    order = whole_lots(desired - held, terms.lot_size)
    is_reducing = order != 0.0 and desired * held >= 0.0 and abs(desired) <= abs(held)
    if is_reducing:  # neither dropped nor denied
        return OrderDecision(ORDER, desired, order, side, NO_BREACH)
    if order == 0.0 or is_below_min_notional(order, view.price, terms.min_notional):
        if desired * held < 0.0:  # the wrong side is never kept for a reversal that is too small
            return OrderDecision(SMALL_CLOSE, 0.0, whole_lots(-held, terms.lot_size), 0.0, NO_BREACH)
        return OrderDecision(TOO_SMALL, desired, 0.0, view.target_side, NO_BREACH)
    request = RiskRequest(
        desired,
        view.price,
        view.equity,
        view.day_start_equity,
        view.data_age_seconds,
        view.orders_today,
    )
    breach = first_breach(request, terms.limits)
    if breach.code == 0:
        return OrderDecision(ORDER, desired, order, side, breach)
    if desired * held < 0.0:
        return OrderDecision(DENIED_CLOSE, 0.0, whole_lots(-held, terms.lot_size), 0.0, breach)
    return OrderDecision(DENIED, desired, 0.0, view.target_side, breach)


def decide(view: BookView, target: float, rules: TradingRules) -> Decision:
    """Decide on a strategy's target at the close of an execution bar.

    Parameters
    ----------
    view
        The book at that close.
    target
        In [-1, 1]; NaN is no opinion.
    rules
        Costs, size, limits and steps in force.
    """
    outcome = decide_order(BookView(*map(float, view)), float(target), rules.terms)
    denial = denial_of(outcome.breach)
    reason = REASONS[outcome.code] + (f" ({denial})" if denial else "")
    steps = {
        "view": view._asdict(),
        "target": target if target == target else None,  # noqa: PLR0124 - JSON has no NaN
        "desired_quantity": outcome.desired_quantity,
        "order_quantity": outcome.order_quantity,
        "target_side": outcome.target_side,
        "risk": str(denial) if denial else "approved" if outcome.order_quantity else "not asked",
        "reason": reason,
    }
    return Decision(
        target, outcome.desired_quantity, outcome.order_quantity, outcome.target_side, denial, reason, steps
    )
