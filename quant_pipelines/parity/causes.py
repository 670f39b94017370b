"""The causes of a difference as a table: one cause is one row and one small pure function.

Each says how much of a piece it explains, and never more than its bound. The table is walked in its order:
what a person, the venue or a breaker did comes before what a market does. What no cause explains is the rest.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from quant_pipelines.core.timeframes import floor_ms
from quant_pipelines.parity.journal import ZERO, Facts, JournaledDecision, SeenBar
from quant_pipelines.parity.pairs import PartKind, Piece

_LATE_BARS = 1
"""A bar that is booked so many bars after its close came too late to be decided on."""
_FOR_OLD_DATA = frozenset({"stale_data", "stale_prices"})
_FOR_A_STATE = frozenset({"halted", "trading_state"})
_SLOT_MARGIN_MS = 120_000
"""A fill so near to a funding slot may lie on its other side at the venue."""


class Grounds(NamedTuple):
    """What the causes know of the day.

    Parameters
    ----------
    facts
        What bounds them.
    decisions
        Of the runner, by their closes.
    bars
        As it had them, by their open times.
    pairs_ms
        When fills happened, milliseconds UTC, ascending.
    held
        Largest position of the day, base, unsigned.
    transfers
        Capital that was moved, by the close at which it was: fraction of the equity.
    """

    facts: Facts
    decisions: Mapping[int, JournaledDecision]
    bars: Mapping[int, SeenBar]
    pairs_ms: tuple[int, ...] = ()
    held: Decimal = ZERO
    transfers: Mapping[int, Decimal] = {}


class PriceRange(NamedTuple):
    """Lowest and highest price, quote per base."""

    low: Decimal
    high: Decimal


Explains = Callable[[Piece, Grounds], Decimal]
"""How much of a piece a cause explains, in the units of what is left of it, with its sign."""


class Cause(NamedTuple):
    """One row: its name, what of a difference it may explain, what bounds it, and how much that is."""

    name: str
    of: tuple[PartKind, ...]
    bound: str
    explains: Explains


def _within(left: Decimal, most: Decimal) -> Decimal:
    """As much of what is left as the bound lets through, with its sign."""
    return max(-most, min(left, most))


def _traded(part: Piece) -> Decimal:
    """Largest quantity that either side traded, base."""
    return max(abs(part.pair.actual.quantity), abs(part.pair.replayed.quantity)) if part.pair else ZERO


def _range(day: Grounds, first_ms: int, last_ms: int) -> PriceRange | None:
    """Lowest and highest price of the bars between two times, with the margin; None where none is known."""
    step_ms = day.facts.step_ms
    opens = range(floor_ms(first_ms, step_ms), floor_ms(last_ms, step_ms) + step_ms, step_ms)
    seen = [day.bars[ts].bar for ts in opens if ts in day.bars]
    if not seen:
        return None
    low = Decimal(repr(min(bar.low for bar in seen))) * (1 - day.facts.price_margin)
    high = Decimal(repr(max(bar.high for bar in seen))) * (1 + day.facts.price_margin)
    return PriceRange(low - day.facts.tick_size, high + day.facts.tick_size)


def _clamped(price: Decimal, between: PriceRange | None) -> Decimal:
    return price if between is None else max(between.low, min(price, between.high))


def _of_kind(kind: str) -> Explains:
    """Explain all that fills of a kind did, up to the largest position of the day."""

    def explains(part: Piece, day: Grounds) -> Decimal:
        if part.pair is None or part.pair.kind != kind:
            return ZERO
        return _within(part.left, max(day.held, _traded(part))) if part.kind == "quantity" else part.left

    return explains


def _liquidation(part: Piece, day: Grounds) -> Decimal:
    return part.left if part.kind == "income" else _of_kind("liquidation")(part, day)


def _internal_cross(part: Piece, day: Grounds) -> Decimal:
    pair = part.pair
    if pair is None or not pair.actual.is_internal:
        return ZERO
    if part.kind == "fee":
        return part.left if pair.actual.fee == ZERO else ZERO
    traded = _clamped(pair.actual.price, _range(day, pair.at_ms, pair.actual.last_ms))
    return pair.matched * (pair.replayed.price - traded)


def _stop_source(part: Piece, day: Grounds) -> Decimal:
    pair = part.pair
    if pair is None or pair.kind not in ("stop", "flatten"):
        return ZERO
    if part.kind == "quantity":
        return _within(part.left, max(day.held, _traded(part)))
    if day.facts.is_paper or pair.actual.arrival is None:
        return ZERO
    level = _clamped(pair.actual.arrival, _range(day, pair.actual.first_ms, pair.actual.first_ms))
    return pair.matched * (pair.replayed.price - level)


def _refused(part: Piece, day: Grounds, *, rules: frozenset[str] | None) -> bool:
    """Whether the runner's decision was denied by one of some rules, or by any other than those for now."""
    made = day.decisions.get(part.pair.at_ms) if part.pair else None
    if made is None or made.denied_by is None:
        return False
    return made.denied_by in rules if rules else made.denied_by not in _FOR_OLD_DATA | _FOR_A_STATE


def _denial(part: Piece, day: Grounds) -> Decimal:
    return _within(part.left, _traded(part)) if _refused(part, day, rules=None) else ZERO


def _halt(part: Piece, day: Grounds) -> Decimal:
    at_ms = part.pair.at_ms if part.pair else 0
    stood = any(span.start_ms <= at_ms < span.end_ms for span in day.facts.halts)
    return _within(part.left, _traded(part)) if stood or _refused(part, day, rules=_FOR_A_STATE) else ZERO


def _is_missed(part: Piece, day: Grounds) -> bool:
    """Whether nothing was decided where the replay did."""
    return part.pair is not None and part.pair.kind == "target" and part.pair.at_ms not in day.decisions


def _came_late(part: Piece, day: Grounds) -> bool:
    """Whether the bar that was to be decided on was missing, or came after the next one had closed."""
    step_ms, close_ms = day.facts.step_ms, part.pair.at_ms if part.pair else 0
    seen = day.bars.get(close_ms - step_ms)
    return seen is None or seen.booked_ms - close_ms > _LATE_BARS * step_ms


def _missing_data(part: Piece, day: Grounds) -> Decimal:
    if part.kind == "holes":
        return part.left
    lacks = (_is_missed(part, day) and _came_late(part, day)) or _refused(part, day, rules=_FOR_OLD_DATA)
    return _within(part.left, _traded(part)) if lacks else ZERO


def _clock(part: Piece, day: Grounds) -> Decimal:
    made = day.decisions.get(part.pair.at_ms) if part.pair else None
    if made is None:
        is_off = _is_missed(part, day) and not _came_late(part, day)
    else:
        is_off = made.late_seconds * 1000 > day.facts.step_ms
    return _within(part.left, _traded(part)) if is_off else ZERO


def _unfilled(part: Piece, day: Grounds) -> Decimal:
    if part.pair is None or part.pair.kind not in ("target", "order") or day.facts.is_paper:
        return ZERO
    return _within(part.left, day.facts.ended.get(part.pair.at_ms, ZERO))


def _lots(part: Piece, day: Grounds) -> Decimal:
    """Explain rounding: each book that shares a place may lose one lot of an order to it."""
    if day.facts.is_paper or part.pair is None or part.pair.kind not in ("target", "order"):
        return ZERO
    return _within(part.left, day.facts.lot_size * day.facts.n_books)


def _specification(part: Piece, day: Grounds) -> Decimal:
    if not any(at_ms <= part.at_ms for at_ms in day.facts.specified) or part.pair is None:
        return ZERO
    if part.kind == "fee":
        return _within(part.left, day.facts.most_fee_change * abs(part.pair.actual.value))
    return _within(part.left, _traded(part))


def _parameters(part: Piece, day: Grounds) -> Decimal:
    is_later = any(at_ms <= part.at_ms for at_ms in day.facts.switched)
    return _within(part.left, _traded(part)) if is_later else ZERO


def _capital(part: Piece, day: Grounds) -> Decimal:
    moved = sum((abs(share) for at_ms, share in day.transfers.items() if at_ms <= part.at_ms), ZERO)
    return _within(part.left, _traded(part) * moved)


def _delay(part: Piece, day: Grounds) -> Decimal:
    pair = part.pair
    if pair is None or day.facts.is_paper or pair.kind != "target" or pair.actual.arrival is None:
        return ZERO
    arrived = _clamped(pair.actual.arrival, _range(day, pair.at_ms - day.facts.step_ms, pair.when_ms))
    return pair.matched * (pair.replayed.price - arrived)


def _spread(part: Piece, day: Grounds) -> Decimal:
    """From the price at arrival to that of the fill, which is within the bars of the order."""
    pair = part.pair
    if pair is None or day.facts.is_paper:
        return ZERO
    first_ms = pair.at_ms if pair.kind == "target" else pair.actual.first_ms
    beyond = _clamped(pair.actual.price, _range(day, first_ms, pair.actual.last_ms)) - pair.actual.price
    return part.left - pair.matched * beyond


def _waiting(part: Piece, day: Grounds) -> Decimal:
    """Explain the same of an order that rested or came out in parts: the market went on meanwhile."""
    is_one = part.pair is not None and part.pair.kind == "target" and part.pair.at_ms in day.facts.waited
    return _spread(part, day) if is_one else ZERO


def _fee(part: Piece, day: Grounds) -> Decimal:
    """Fees between the lowest and the highest rate that is declared."""
    pair = part.pair
    if pair is None or day.facts.is_paper:
        return ZERO
    low, high = (rate * abs(pair.actual.value) for rate in day.facts.fee_rates)
    expected = max(low, min(pair.actual.fee, high))
    return pair.replayed.fee - expected


def _funding_race(part: Piece, day: Grounds) -> Decimal:
    """Paid or not: a fill about the slot's time decided who held what then."""
    is_one_sided = ZERO in (part.actual, part.replayed) or part.actual * part.replayed < ZERO
    near = bisect_left(day.pairs_ms, part.at_ms - _SLOT_MARGIN_MS)
    is_near = near < len(day.pairs_ms) and day.pairs_ms[near] <= part.at_ms + _SLOT_MARGIN_MS
    most = max(abs(part.actual), abs(part.replayed))
    return _within(part.left, most) if is_one_sided and is_near else ZERO


def _funding(part: Piece, day: Grounds) -> Decimal:
    """Of a venue: what it charged at its own mark and rate, for what was held; at most what either paid."""
    if day.facts.is_paper:
        return ZERO
    return _within(part.left, max(abs(part.actual), abs(part.replayed)))


def _bars_differ(part: Piece, _: Grounds) -> Decimal:
    return part.left


_QUANTITY: Final[tuple[PartKind, ...]] = ("quantity",)
_ALL: Final[tuple[PartKind, ...]] = ("quantity", "price", "fee")
CAUSES: Final = (
    Cause("liquidation or ADL", (*_ALL, "income"), "the largest position of the day", _liquidation),
    Cause("manual act", _ALL, "the largest position of the day", _of_kind("manual")),
    Cause("internal cross", ("price", "fee"), "the bars from decision to fill", _internal_cross),
    Cause("stop source", ("quantity", "price"), "the position, and the bar of the fill", _stop_source),
    Cause("halt", _QUANTITY, "the order", _halt),
    Cause("denial", _QUANTITY, "the order", _denial),
    Cause("missing data", ("quantity", "holes"), "the order, or a replay with the bars", _missing_data),
    Cause("clock", _QUANTITY, "the order", _clock),
    Cause("unfilled", _QUANTITY, "what its order left open", _unfilled),
    Cause("specification or tier changed", ("quantity", "fee"), "the change of the rate", _specification),
    Cause("parameter switch", _QUANTITY, "the order", _parameters),
    Cause("capital changed", _QUANTITY, "the order times the share that was moved", _capital),
    Cause("lots and netting", _QUANTITY, "a lot for each book at the place", _lots),
    Cause("delay", ("price",), "the bars from decision to fill", _delay),
    Cause("entry that waits", ("price",), "the bars from decision to fill", _waiting),
    Cause("spread and impact", ("price",), "the bars from decision to fill", _spread),
    Cause("fee", ("fee",), "the lowest and the highest declared rate", _fee),
    Cause("funding-slot race", ("funding",), "the slot", _funding_race),
    Cause("funding", ("funding",), "the larger of both payments", _funding),
    Cause("revised bar", ("bars",), "a replay with the revised bars", _bars_differ),
)
"""Every cause, in the order in which it is asked."""
UNEXPLAINED: Final = "unexplained"
