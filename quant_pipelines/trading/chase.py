"""Limit with chase, TWAP and iceberg: what is to be done next about an order that enters, as a pure function.

Whoever talks to the venue reads what works and what it has filled, asks `next_step`, does it, and takes its
outcome up with `after`, until it has to wait; it decides nothing. One child works at a time, and none is
placed before the one before it has ended with all of its fills booked: the children never sum to more than
what is wanted. `Slicing` says how much of it may be out by now (`due`), should be filled by now (`late`),
and may show; without one that is all, nothing, and all.

====================================================  ====================================================
what is so, the first that applies                    what is done
====================================================  ====================================================
the outcome or a fill of a child is not known yet     wait; a cancel that came to nothing is asked for again
everything is filled                                  done
it is withdrawn or its time is over, a child works    cancel it
a child works, and what it should have filled is late cancel it: its slice has had its time
it is withdrawn, no child works                       done
the last child ended unfilled, and not by us          done: the venue or a person has
all that may be out by now is filled                  wait until the next slice is due
best prices were not read since the last move         wait, but for the first slice at market
what may be out is less than the venue's minimum      wait for the next slice; without one done
its time is over or its moves are, or it is late      what is late at market, or done or on: a setting
no child works                                        place one, post-only, at the touch
the touch has left the child by so many ticks         amend it to the touch: it keeps its name and number
anything else                                         wait
====================================================  ====================================================

Prices are read anew once in an interval, so that is the pace of moves. A child whose moves are used up rests
until its time is over. Times are the venue's, milliseconds UTC; quantities base, prices quote per base.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

from quant_pipelines.core.orders import OrderStatus, Side
from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.release import Slicing
from quant_pipelines.trading.venue import Touch

AtEnd: TypeAlias = Literal["market", "cancel"]
WaitReason: TypeAlias = Literal["not known", "canceling", "no prices", "rests", "next slice"]
DoneReason: TypeAlias = Literal["filled", "withdrawn", "ended", "too small", "time is over", "moves are over"]
Outcome: TypeAlias = Literal["done", "would take"]


class ChaseTerms(NamedTuple):
    """How an order is chased.

    Parameters
    ----------
    tick_size, min_notional
        Price step, and smallest order value in quote.
    ticks
        Distance of the touch from which on a child is moved.
    interval_ms
        Between two looks at the prices, and between two tries to cancel.
    most_moves
        Amendments, and prices that would have taken; what replaces such a child belongs to its move.
    at_end
        What becomes of what is left when its time is over.
    """

    tick_size: Decimal
    min_notional: Decimal
    ticks: int = 1
    interval_ms: int = 2_000
    most_moves: int = 10
    at_end: AtEnd = "market"


class WantedEntry(NamedTuple):
    """What is to be ordered, until when, how, whether nobody wants it any more, and how it comes out."""

    side: Side
    quantity: Decimal
    until_ms: int
    terms: ChaseTerms
    is_withdrawn: bool = False
    release: Slicing | None = None

    def due(self, now_ms: int) -> Decimal:
        """How much of it may be out by now."""
        return self.quantity if self.release is None else self.release.due(self.quantity, now_ms)

    def late(self, now_ms: int) -> Decimal:
        """How much of it should be filled by now."""
        if now_ms >= self.until_ms:
            return self.quantity
        return Decimal(0) if self.release is None else self.release.late(self.quantity, now_ms)

    @property
    def has_times(self) -> bool:
        """Whether its slices have times of their own."""
        return self.release is not None and self.release.interval_ms > 0


class Chased(NamedTuple):
    """What has become of it.

    Parameters
    ----------
    filled
        By all children.
    status
        Of the newest child; None before the first one.
    price
        Of the newest child; None where it is not known.
    is_settled
        Whether every child but one that only rests has ended, with all of its fills booked.
    """

    filled: Decimal = Decimal(0)
    status: OrderStatus | None = None
    price: Decimal | None = None
    is_settled: bool = True

    @property
    def works(self) -> bool:
        """Whether a child may still be filled."""
        return self.status is not None and self.status not in FINAL


class Moves(NamedTuple):
    """What was done so far.

    Parameters
    ----------
    n_moves
        Amendments, and prices that would have taken.
    may_place
        Whether no child works for a reason of ours: none was placed, or its price would have taken.
    canceled_ms
        When a cancel was asked for last; None before the first time.
    went_to_market
        Whether the rest was sent.
    """

    n_moves: int = 0
    may_place: bool = True
    canceled_ms: int | None = None
    went_to_market: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is to be done before something comes, or before a time, milliseconds UTC."""

    reason: WaitReason
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PlaceLimit:
    """Place a post-only child."""

    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Amend:
    """Change the price of the child that works."""

    price: Decimal


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel the child that works."""


@dataclass(frozen=True, slots=True)
class SendRest:
    """Send what is left at market."""

    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Done:
    """It has come to its end."""

    reason: DoneReason


_AT_ONCE = Slicing(Decimal("inf"))

Step: TypeAlias = Wait | PlaceLimit | Amend | Cancel | SendRest | Done


def next_step(wanted: WantedEntry, chased: Chased, *, touch: Touch | None, moves: Moves, now_ms: int) -> Step:
    """Decide what is to be done next.

    Parameters
    ----------
    wanted
        What is to be ordered.
    chased
        What has become of it.
    touch
        Best prices, read since the last move; None where they were not. One that is not above 0 is none.
    moves
        What was done so far.
    now_ms
        The venue's time, milliseconds UTC.

    Examples
    --------
    >>> terms, best = ChaseTerms(Decimal(1), Decimal(5)), Touch(Decimal(99), Decimal(101))
    >>> wanted = WantedEntry("buy", Decimal(2), until_ms=30_000, terms=terms)
    >>> next_step(wanted, Chased(), touch=best, moves=Moves(), now_ms=0)
    PlaceLimit(quantity=Decimal('2'), price=Decimal('99'))
    """
    is_over, touch = wanted.is_withdrawn or now_ms >= wanted.until_ms, _known(touch)
    if chased.works and chased.status == "PENDING_CANCEL":
        return _ask_again(wanted.terms, moves, now_ms)
    if not chased.is_settled:
        return Wait("not known")
    if chased.filled >= wanted.quantity:
        return Done("filled")
    if chased.works:
        is_over = is_over or chased.filled < wanted.late(now_ms)
        return Cancel() if is_over else _moved(wanted, chased, touch=touch, moves=moves)
    return _begun(wanted, chased, touch=touch, moves=moves, now_ms=now_ms)


def after(moves: Moves, step: Step, outcome: Outcome, now_ms: int) -> Moves:
    """Return what was done, after a step with its outcome.

    A child that would have taken may be replaced; so may one that the venue cancels over an amendment, as
    long as it was not seen at rest since.
    """
    if isinstance(step, PlaceLimit):
        n_moves = moves.n_moves + (outcome == "would take")
        return Moves(n_moves, may_place=outcome != "done")
    if isinstance(step, Amend):
        return moves._replace(n_moves=moves.n_moves + 1, may_place=True)
    if isinstance(step, Cancel):
        return moves._replace(canceled_ms=now_ms)
    if isinstance(step, SendRest):
        return moves._replace(went_to_market=True)
    return moves._replace(may_place=False) if step == Wait("rests") else moves


def _known(touch: Touch | None) -> Touch | None:
    """Leave out best prices of a book that has nothing on one side: 0 is no price to follow."""
    is_whole = touch is not None and all(price.is_finite() and price > 0 for price in touch)
    return touch if is_whole else None


def _ask_again(terms: ChaseTerms, moves: Moves, now_ms: int) -> Step:
    is_due = moves.canceled_ms is None or now_ms >= moves.canceled_ms + terms.interval_ms
    return Cancel() if is_due else Wait("canceling")


def _moved(wanted: WantedEntry, chased: Chased, *, touch: Touch | None, moves: Moves) -> Step:
    """Follow the touch that has left the child; one that is ahead of it stays."""
    if touch is None or chased.price is None:
        return Wait("no prices")
    best = _best(wanted, touch)
    left_by = best - chased.price if wanted.side == "buy" else chased.price - best
    is_left = left_by >= wanted.terms.ticks * wanted.terms.tick_size
    return Amend(best) if is_left and moves.n_moves < wanted.terms.most_moves else Wait("rests")


def _begun(wanted: WantedEntry, chased: Chased, *, touch: Touch | None, moves: Moves, now_ms: int) -> Step:
    """Bring what is due to the venue; nothing works there."""
    if wanted.is_withdrawn:
        return Done("withdrawn")
    if _has_ended(chased, moves):
        return Done("ended")
    due = max(wanted.due(now_ms), wanted.late(now_ms)) - chased.filled
    is_last = now_ms >= wanted.until_ms or wanted.due(now_ms) == wanted.quantity
    if due <= 0:
        return _next_slice(wanted, now_ms)
    needs_no_price = chased.status is None and (wanted.release or _AT_ONCE).at_market
    if touch is None and not needs_no_price:
        return Wait("no prices")
    price = Decimal(0) if touch is None else _best(wanted, touch)
    if chased.status is not None and due * price < wanted.terms.min_notional:
        return Done("too small") if is_last else _next_slice(wanted, now_ms)
    return _sent(wanted, chased, moves=moves, price=price, now_ms=now_ms)


def _sent(wanted: WantedEntry, chased: Chased, *, moves: Moves, price: Decimal, now_ms: int) -> Step:
    """Send what is late at market where it goes there, else place what is due."""
    is_used_up = moves.n_moves > wanted.terms.most_moves
    is_over = now_ms >= wanted.until_ms or (moves.canceled_ms is not None and not wanted.has_times)
    due = wanted.due(now_ms)
    late = wanted.quantity if is_over else due if is_used_up else wanted.late(now_ms)
    goes_to_market = wanted.terms.at_end == "market" or (wanted.release or _AT_ONCE).at_market
    rest = late - chased.filled
    is_first = chased.status is None
    if goes_to_market and rest > 0 and (is_first or rest * price >= wanted.terms.min_notional):
        return SendRest(rest)
    if is_over or is_used_up:
        return Done("moves are over" if is_used_up else "time is over")
    shows = due if wanted.release is None else wanted.release.shows
    return PlaceLimit(min(due - chased.filled, shows), price)


def _next_slice(wanted: WantedEntry, now_ms: int) -> Wait:
    return Wait("next slice", (wanted.release or _AT_ONCE).next_ms(now_ms))


def _has_ended(chased: Chased, moves: Moves) -> bool:
    """Whether somebody else has ended the last child, or nothing came of one at market."""
    if chased.status == "FILLED":
        return False
    return moves.went_to_market or (not moves.may_place and moves.canceled_ms is None)


def _best(wanted: WantedEntry, touch: Touch) -> Decimal:
    """Price of our side's best order."""
    return touch.bid if wanted.side == "buy" else touch.ask
