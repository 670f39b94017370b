"""Decisions of the legs of a set: half of it is not opened."""

from collections.abc import Iterable, Mapping

from live_runner.book.approval import trip_of
from live_runner.book.decision import Decided
from live_runner.book.leg import LegTrader
from quant_pipelines.risk.account_rules import ACCOUNT_RULES, AccountDenial
from quant_pipelines.trading.cycle import REASONS, SMALL_CLOSE, TOO_SMALL

_OF_ACCOUNT = frozenset(rule.name for rule in ACCOUNT_RULES)
_TOO_SMALL = frozenset((REASONS[TOO_SMALL], REASONS[SMALL_CLOSE]))
Decisions = Mapping[int, Decided | None]
"""What was decided, by leg."""


def all_or_none(legs: Iterable[LegTrader], decisions: Decisions, closes: Mapping[int, int]) -> Decisions:
    """Return the decisions without what adds to any leg, where one of them does not get what it adds.

    That is what the account denies; at a venue also what the leg's own limits deny, and an entry that is too
    small for it: on paper the others go on there, as in the backtest. What trips the breaker of the leg that
    was denied trips no other: they are held back while it stands.
    """
    legs = list(legs)
    denied = next((leg for leg in legs if _is_denied(leg, decisions.get(leg.id))), None)
    if denied is None:
        return decisions
    decided = decisions[denied.id]
    assert decided is not None  # noqa: S101 - what is denied was decided
    journal = decided.signal.decision
    is_asked = decided.denied_by is not None
    why = f"another leg was denied: {journal['risk']}" if is_asked else f"another leg: {journal['reason']}"
    rule = "leg_stopped" if trip_of(decided) or not is_asked else str(decided.denied_by)
    denial = AccountDenial(rule, "deny", why)
    return {
        leg.id: leg.reduced(one, denial, closes[leg.id]) if one is not None and adds(one) else one
        for leg, one in ((leg, decisions.get(leg.id)) for leg in legs)
    }


def adds(decided: Decided) -> bool:
    """Whether an order takes its book further from flat, or to the other side."""
    held, ordered = float(decided.signal.decision["view"]["position"]), decided.order_quantity
    return abs(held + ordered) > abs(held) or (held + ordered) * held < 0.0


def _is_denied(leg: LegTrader, decided: Decided | None) -> bool:
    """Whether a leg does not get what it adds."""
    if decided is None:
        return False
    if not leg.is_at_venue:
        return decided.denied_by in _OF_ACCOUNT
    if decided.denied_by is not None:
        return True
    journal = decided.signal.decision
    is_entry = float(journal["view"]["position"]) == 0.0 or journal["reason"] == REASONS[SMALL_CLOSE]
    return is_entry and journal["reason"] in _TOO_SMALL
