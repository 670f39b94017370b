"""TWAP and iceberg on the table of the chase: each row is one sentence, and what must hold whatever comes."""

import math
from decimal import Decimal
from typing import NamedTuple, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.orders import OrderStatus, Side
from quant_pipelines.trading.chase import (
    Amend,
    AtEnd,
    Cancel,
    Chased,
    ChaseTerms,
    Done,
    Moves,
    PlaceLimit,
    SendRest,
    Step,
    Wait,
    WantedEntry,
    after,
    next_step,
)
from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.release import SliceTerms, Slicing, slice_size
from quant_pipelines.trading.venue import Touch

D = Decimal
BEGUN, STEP = 10_000, 6_000
TERMS = ChaseTerms(D("0.5"), D(5), ticks=2, interval_ms=2_000, most_moves=3)
CANCELS = TERMS._replace(at_end="cancel")
TOUCH = Touch(D(99), D(101))
UNTIL = BEGUN + 5 * STEP
MARKET = WantedEntry("buy", D(5), UNTIL, TERMS, release=Slicing(D(1), BEGUN, STEP, at_market=True))
RESTING = MARKET._replace(release=Slicing(D(1), BEGUN, STEP))
PATIENT = RESTING._replace(terms=CANCELS)
ICEBERG = WantedEntry("buy", D(5), UNTIL, TERMS, release=Slicing(D(2)))

NOTHING, FRESH, PLACED, WENT = Chased(), Moves(), Moves(may_place=False), Moves(went_to_market=True)
ASKED = Moves(may_place=False, canceled_ms=BEGUN + STEP)
USED_UP = Moves(4)


def filled(quantity: str, status: OrderStatus = "FILLED") -> Chased:
    """What so much of has been filled, and how the newest child stands."""
    return Chased(D(quantity), status, D(99))


@pytest.mark.parametrize(
    ("wanted", "chased", "moves", "at_ms", "expected"),
    [
        # TWAP at market: each slice when it is due, and not before
        (MARKET, NOTHING, FRESH, 0, SendRest(D(1))),
        (MARKET, filled("1"), WENT, STEP - 1, Wait("next slice", BEGUN + STEP)),
        (MARKET, filled("1"), WENT, STEP, SendRest(D(1))),
        (MARKET, filled("1"), WENT, 2 * STEP, SendRest(D(2))),  # what was held up goes with the next
        (MARKET, filled("4"), WENT, 4 * STEP, SendRest(D(1))),
        (MARKET, filled("5"), WENT, 4 * STEP, Done("filled")),
        (MARKET, filled("1", "ACCEPTED"), WENT, 1, Wait("rests")),
        (MARKET, Chased(D(0), "UNKNOWN", is_settled=False), WENT, STEP, Wait("not known")),
        (MARKET, filled("0.5", "EXPIRED"), WENT, STEP, Done("ended")),
        (MARKET, filled("1", "DENIED"), WENT, STEP, Done("ended")),
        (MARKET._replace(is_withdrawn=True), filled("1"), WENT, STEP, Done("withdrawn")),
        (MARKET._replace(terms=CANCELS), filled("1"), WENT, STEP, SendRest(D(1))),
        (MARKET, filled("0.99"), WENT, 0, Wait("next slice", BEGUN + STEP)),  # too small for the venue
        (MARKET, filled("4.99"), WENT, 4 * STEP, Done("too small")),
        # TWAP with limits: a slice rests until the next one is due
        (RESTING, NOTHING, FRESH, 0, PlaceLimit(D(1), D(99))),
        (RESTING, filled("0", "ACCEPTED"), PLACED, STEP - 1, Wait("rests")),
        (RESTING, Chased(D(0), "ACCEPTED", D(98)), PLACED, 1, Amend(D(99))),
        (RESTING, filled("0.5", "PARTIALLY_FILLED"), PLACED, STEP, Cancel()),
        (RESTING, filled("0.5", "CANCELED"), ASKED, STEP, SendRest(D("0.5"))),
        (RESTING, filled("1"), WENT, STEP, PlaceLimit(D(1), D(99))),
        (RESTING, filled("1"), PLACED, 1, Wait("next slice", BEGUN + STEP)),
        (RESTING, filled("0.99", "CANCELED"), ASKED, STEP, PlaceLimit(D("1.01"), D(99))),
        (PATIENT, filled("0.5", "CANCELED"), ASKED, STEP, PlaceLimit(D("1.5"), D(99))),
        (PATIENT, filled("0.5", "CANCELED"), ASKED, 5 * STEP, Done("time is over")),
        (RESTING, filled("0.5", "CANCELED"), ASKED, 5 * STEP, SendRest(D("4.5"))),
        (RESTING, filled("0.5", "CANCELED"), PLACED, 1, Done("ended")),
        (RESTING, filled("0", "EXPIRED"), USED_UP, 0, SendRest(D(1))),
        # Iceberg: one slice shows; the next one comes when it has ended
        (ICEBERG, NOTHING, FRESH, 0, PlaceLimit(D(2), D(99))),
        (ICEBERG, filled("2"), PLACED, 1, PlaceLimit(D(2), D(99))),
        (ICEBERG, filled("4"), PLACED, 1, PlaceLimit(D(1), D(99))),
        (ICEBERG, Chased(D(2), "FILLED", D(99), is_settled=False), PLACED, 1, Wait("not known")),
        (ICEBERG, filled("2", "ACCEPTED"), PLACED, 5 * STEP, Cancel()),
        (ICEBERG, filled("2", "CANCELED"), ASKED, 5 * STEP, SendRest(D(3))),
        (ICEBERG._replace(terms=CANCELS), filled("2", "CANCELED"), ASKED, 5 * STEP, Done("time is over")),
        (ICEBERG, filled("2", "CANCELED"), PLACED, 1, Done("ended")),
        (ICEBERG, filled("4.99"), PLACED, 1, Done("too small")),
    ],
)
def test_next_step(wanted: WantedEntry, chased: Chased, moves: Moves, at_ms: int, expected: Step) -> None:
    assert next_step(wanted, chased, touch=TOUCH, moves=moves, now_ms=BEGUN + at_ms) == expected


def test_the_first_slice_at_market_waits_for_no_prices() -> None:
    step = next_step(MARKET, NOTHING, touch=None, moves=FRESH, now_ms=BEGUN)
    assert step == SendRest(D(1))
    step = next_step(MARKET, filled("1"), touch=None, moves=WENT, now_ms=BEGUN + STEP)
    assert step == Wait("no prices")


def test_a_child_that_is_placed_begins_anew_but_for_its_moves() -> None:
    moves = Moves(2, may_place=True, canceled_ms=BEGUN, went_to_market=True)
    assert after(moves, PlaceLimit(D(1), D(99)), "done", BEGUN) == Moves(2, may_place=False)


TERMS_OF_LOTS = SliceTerms(D("0.001"), D(5))


@given(st.integers(1, 5_000), st.integers(2, 100), st.floats(1.0, 200_000.0))
def test_slices_are_equal_whole_lots_worth_an_order_each(lots: int, n: int, price: float) -> None:
    quantity = lots * TERMS_OF_LOTS.lot_size
    size = slice_size(quantity, n, price, TERMS_OF_LOTS)
    assert not size % TERMS_OF_LOTS.lot_size
    n_slices = math.ceil(quantity / size)
    assert 1 <= n_slices <= n
    last = quantity - (n_slices - 1) * size
    assert 0 < last <= size
    assert n_slices == 1 or last * D(repr(price)) >= 2 * TERMS_OF_LOTS.min_notional


def test_what_is_no_whole_number_of_lots_is_one_slice() -> None:
    assert slice_size(D("1.0005"), 4, 100.0, TERMS_OF_LOTS) == D("1.0005")


class Fates:
    """A venue that does with children what is drawn."""

    def __init__(self, draw: st.DrawFn, wanted: WantedEntry) -> None:
        self.draw, self.wanted = draw, wanted
        self.filled = self.works = self.sent = D(0)
        self.status: OrderStatus | None = None

    def goes_on(self) -> None:
        """Let what works be filled, or ended, or neither."""
        if not self.works:
            return
        part = self.works * self.draw(st.sampled_from([D(0), D(0), D("0.5"), D(1)]))
        self.filled, self.works = self.filled + part, self.works - part
        self.status = "FILLED" if not self.works else self.status
        if self.works and self.draw(st.integers(0, 9)) == 0:
            self.works, self.status = D(0), self.draw(st.sampled_from(["CANCELED", "EXPIRED"]))

    def does(self, step: Step) -> str:
        """Take a step; returns its outcome."""
        if isinstance(step, PlaceLimit | SendRest):
            assert not self.works
            fate = self.draw(st.sampled_from(["ACCEPTED", "ACCEPTED", "FILLED", "REJECTED", "UNKNOWN"]))
            self.status = fate  # type: ignore[assignment] - one of the words
            self.works = step.quantity if fate in ("ACCEPTED", "UNKNOWN") else D(0)
            self.filled += step.quantity if fate == "FILLED" else D(0)
            return "would take" if fate == "REJECTED" and isinstance(step, PlaceLimit) else "done"
        if isinstance(step, Cancel) and self.works:
            is_done = self.draw(st.booleans())
            self.works, self.status = (D(0), "CANCELED") if is_done else (self.works, "PENDING_CANCEL")
        return "done"


class Did(NamedTuple):
    """What was done when, about what, and how much was out before: filled, or still at work."""

    now_ms: int
    wanted: WantedEntry
    step: Step
    out: Decimal


@st.composite
def played(draw: st.DrawFn) -> list[Did]:
    """Steps of an entry at a venue that does what it likes, to their end."""
    side: Side = draw(st.sampled_from(["buy", "sell"]))
    at_end: AtEnd = draw(st.sampled_from(get_args(AtEnd)))
    interval_ms = draw(st.sampled_from([0, STEP]))
    release = Slicing(D(2), BEGUN, interval_ms, at_market=bool(interval_ms) and draw(st.booleans()))
    wanted = WantedEntry(side, D(9), UNTIL, TERMS._replace(at_end=at_end), release=release)
    venue, moves, now_ms, done = Fates(draw, wanted), Moves(), BEGUN, list[Did]()
    for _ in range(60):
        chased = Chased(venue.filled, venue.status, D(100), is_settled=venue.status != "UNKNOWN")
        touch = draw(st.sampled_from([None, TOUCH]))
        wanted = wanted._replace(is_withdrawn=wanted.is_withdrawn or draw(st.integers(0, 39)) == 0)
        step = next_step(wanted, chased, touch=touch, moves=moves, now_ms=now_ms)
        done.append(Did(now_ms, wanted, step, venue.filled + venue.works))
        moves = after(moves, step, venue.does(step), now_ms)  # type: ignore[arg-type] - one of the words
        assert venue.filled + venue.works <= wanted.quantity
        if isinstance(step, Done):
            assert chased.status is None or chased.status in FINAL
            return done
        venue.goes_on()
        if venue.status == "UNKNOWN":
            venue.status = draw(st.sampled_from(["UNKNOWN", "ACCEPTED"]))
        now_ms += draw(st.sampled_from([1, 900, STEP, 2 * STEP]))
    return done


@given(played())
def test_parts_are_never_early_or_too_large_whatever_comes(
    done: list[Did],
) -> None:
    for now_ms, wanted, step, out in done:
        if not isinstance(step, PlaceLimit | SendRest):
            continue
        release = wanted.release
        assert release is not None
        assert not wanted.is_withdrawn
        n_due = 1 + (now_ms - BEGUN) // STEP if release.interval_ms and now_ms < UNTIL else D(99)
        assert out + step.quantity <= min(wanted.quantity, n_due * release.size)
        if isinstance(step, PlaceLimit) and not release.interval_ms:
            assert step.quantity <= release.size
