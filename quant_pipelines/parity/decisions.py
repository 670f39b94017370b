"""Whether the runner decided as its replay does, on what it saw: side and quantity, decision by decision.

The view is the journaled one, so that a difference of the books says nothing here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from quant_pipelines.core.timeframes import floor_ms
from quant_pipelines.parity.journal import DayJournal, JournaledDecision, JournaledOrder
from quant_pipelines.parity.replay import Made, ReadAhead, ReplayPlan
from quant_pipelines.risk import RULES
from quant_pipelines.trading import Execution
from quant_pipelines.trading.cycle import OrderDecision, decide_order
from quant_pipelines.trading.rules import TradingTerms

_BOOK_RULES = frozenset(rule.name for rule in RULES)


class Another(NamedTuple):
    """A decision that came out otherwise: its close (ms UTC), what was decided, and what is now."""

    close_ms: int
    runner: str
    replay: str


class Said(NamedTuple):
    """A plan, and what its strategy says."""

    plan: ReplayPlan
    readings: ReadAhead


def decided_otherwise(
    journal: DayJournal, plan: ReplayPlan, readings: ReadAhead, *, excused: Sequence[int] = ()
) -> list[Another]:
    """Find the decisions of a strategy with a target that its replay takes otherwise.

    Parameters
    ----------
    journal
        What was decided, and on what.
    plan, readings
        The strategy, and what it says at those closes.
    excused
        Closes whose bars were revised since they were decided on, milliseconds UTC.
    """
    unlike, terms = set(excused), {id(made.rules): made.rules.terms for made in _of_other_rules(journal)}
    return [
        other
        for made in journal.decisions
        if made.close_ms not in unlike
        for other in _other(made, terms[id(made.rules)], Said(plan, readings), journal.intended)
    ]


def placed_otherwise(journal: DayJournal, made: Sequence[Made]) -> list[Another]:
    """Find the closes at which an event strategy placed other orders than in the replay.

    Only where both were asked: what was missed is a matter of fills.
    """
    again = {one.close_ms: one for one in made if one.acted is not None}
    found = []
    for decision in journal.decisions:
        replayed = again.get(decision.close_ms)
        if replayed is None or replayed.acted is None or decision.is_leaving or decision.denied_by:
            continue
        wishes = tuple(
            JournaledOrder(wish.order.kind, float(wish.order.quantity), float(wish.order.price or 0.0))
            for wish in replayed.acted.wishes
        )
        if wishes != decision.orders:
            found.append(Another(decision.close_ms, _told(decision.orders), _told(wishes)))
    return found


def _of_other_rules(journal: DayJournal) -> Iterator[JournaledDecision]:
    """Yield a decision for each of the rules that were in force: they hold for many, and cost to compile."""
    seen = set[int]()
    for made in journal.decisions:
        if id(made.rules) not in seen:
            seen.add(id(made.rules))
            yield made


def _other(
    made: JournaledDecision, terms: TradingTerms, said: Said, intended: Mapping[int, float]
) -> Iterator[Another]:
    plan, readings = said
    row = readings.row_of.get(floor_ms(made.close_ms, plan.step_ms))
    if made.view is None or row is None:
        return
    view, volatility = made.view, readings.read(row).volatility
    if view.volatility != volatility:
        view = view._replace(volatility=volatility)
    target = 0.0 if made.is_leaving else readings.targets[row]
    again = decide_order(view, target, terms)
    expected = _left_by_account(made, again)
    ordered = intended.get(made.close_ms)
    if made.order_quantity != expected:
        yield Another(made.close_ms, f"{made.order_quantity:+g}", f"{expected:+g}")
    elif ordered is not None and ordered != expected and not _merges(plan):
        yield Another(made.close_ms, f"an order of {ordered:+g}", f"{expected:+g}")


def _left_by_account(made: JournaledDecision, again: OrderDecision) -> float:
    """Return what a rule of the account, or the trading state, leaves of an order: its closing part."""
    if made.denied_by is None or made.denied_by in _BOOK_RULES or made.view is None:
        return float(again.order_quantity)
    held = made.view.position
    return -held if held * again.order_quantity < 0.0 else 0.0


def _merges(plan: ReplayPlan) -> bool:
    """Whether an order may still be open when the next one is decided, and then goes with it."""
    execution = plan.settings.rules.execution
    return execution != Execution(brackets=execution.brackets, leverage=execution.leverage)


def _told(orders: Sequence[JournaledOrder]) -> str:
    return ", ".join(f"{kind} {quantity:+g} at {price:g}" for kind, quantity, price in orders) or "none"
