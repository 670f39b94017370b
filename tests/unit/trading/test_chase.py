"""Limit with chase on a table of situations, each of which is one sentence."""

import random
from decimal import Decimal

import pytest

from quant_pipelines.core.orders import Side
from quant_pipelines.trading.chase import (
    Amend,
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
from quant_pipelines.trading.venue import Touch

D = Decimal
NOW = 10_000
TERMS = ChaseTerms(D("0.5"), D(5), ticks=2, interval_ms=2_000, most_moves=3)
CANCELS = TERMS._replace(at_end="cancel")
WANTED = WantedEntry("buy", D(2), NOW + 1, TERMS)
LATE = WANTED._replace(until_ms=NOW)
GONE = WANTED._replace(is_withdrawn=True)
TOUCH = Touch(D(99), D(101))

NOTHING = Chased()
RESTS = Chased(D(0), "ACCEPTED", D(99))
PART = Chased(D("0.5"), "PARTIALLY_FILLED", D(99))
UNKNOWN = Chased(D(0), "UNKNOWN", is_settled=False)
CANCELING = Chased(D(0), "PENDING_CANCEL", D(99), is_settled=False)
UNBOOKED = Chased(D(2), "FILLED", D(99), is_settled=False)
FILLED = Chased(D(2), "FILLED", D(99))
CANCELED = Chased(D("0.5"), "CANCELED", D(99))
DUST = Chased(D("1.99"), "CANCELED", D(99))
CROSSED = Chased(D(0), "REJECTED")

FRESH, PLACED = Moves(), Moves(may_place=False)
ASKED = Moves(may_place=False, canceled_ms=NOW - 1_000)
LONG_ASKED = Moves(may_place=False, canceled_ms=NOW - 2_000)
SPENT, OVERSPENT = Moves(3, may_place=False), Moves(4)
AT_MARKET = Moves(may_place=False, canceled_ms=NOW, went_to_market=True)


@pytest.mark.parametrize(
    ("wanted", "chased", "moves", "touch", "expected"),
    [
        (WANTED, NOTHING, FRESH, TOUCH, PlaceLimit(D(2), D(99))),
        (WANTED._replace(side="sell"), NOTHING, FRESH, TOUCH, PlaceLimit(D(2), D(101))),
        (WANTED, NOTHING, FRESH, None, Wait("no prices")),
        (WANTED, NOTHING, FRESH, Touch(D(0), D(101)), Wait("no prices")),
        (WANTED, NOTHING, FRESH, Touch(D(99), D("NaN")), Wait("no prices")),
        (WANTED._replace(side="sell"), RESTS, PLACED, Touch(D(99), D(0)), Wait("no prices")),
        (GONE, NOTHING, FRESH, TOUCH, Done("withdrawn")),
        (WANTED, UNKNOWN, PLACED, TOUCH, Wait("not known")),
        (LATE, UNKNOWN, PLACED, TOUCH, Wait("not known")),
        (GONE, UNKNOWN, PLACED, TOUCH, Wait("not known")),
        (WANTED, UNBOOKED, PLACED, TOUCH, Wait("not known")),
        (WANTED, RESTS, PLACED, TOUCH, Wait("rests")),
        (WANTED, RESTS, PLACED, None, Wait("no prices")),
        (WANTED, RESTS._replace(price=D("98.5")), PLACED, TOUCH, Wait("rests")),
        (WANTED, RESTS._replace(price=D(98)), PLACED, TOUCH, Amend(D(99))),
        (WANTED, PART._replace(price=D(98)), PLACED, TOUCH, Amend(D(99))),
        (WANTED, RESTS._replace(price=D(100)), PLACED, TOUCH, Wait("rests")),
        (WANTED, RESTS._replace(price=D(98)), SPENT, TOUCH, Wait("rests")),
        (WANTED._replace(side="sell"), RESTS._replace(price=D(102)), PLACED, TOUCH, Amend(D(101))),
        (LATE, RESTS, PLACED, None, Cancel()),
        (GONE, PART, PLACED, None, Cancel()),
        (LATE, CANCELING, ASKED, TOUCH, Wait("canceling")),
        (LATE, CANCELING, LONG_ASKED, TOUCH, Cancel()),
        (GONE, CANCELING, PLACED, TOUCH, Cancel()),
        (LATE, CANCELED, ASKED, None, Wait("no prices")),
        (LATE, CANCELED, ASKED, TOUCH, SendRest(D("1.5"))),
        (GONE, CANCELED, ASKED, TOUCH, Done("withdrawn")),
        (LATE, DUST, ASKED, TOUCH, Done("too small")),
        (LATE, FILLED, ASKED, TOUCH, Done("filled")),
        (GONE, FILLED, PLACED, TOUCH, Done("filled")),
        (WANTED, CANCELED, PLACED, TOUCH, Done("ended")),
        (LATE, CANCELED, PLACED, TOUCH, Done("ended")),
        (WANTED, CROSSED, Moves(1), TOUCH, PlaceLimit(D(2), D(99))),
        (WANTED, CANCELED, Moves(1), TOUCH, PlaceLimit(D("1.5"), D(99))),
        (WANTED, CROSSED, OVERSPENT, TOUCH, SendRest(D(2))),
        (LATE, CANCELED, AT_MARKET, TOUCH, Done("ended")),
    ],
)
def test_next_step(
    wanted: WantedEntry, chased: Chased, moves: Moves, touch: Touch | None, expected: Step
) -> None:
    assert next_step(wanted, chased, touch=touch, moves=moves, now_ms=NOW) == expected


@pytest.mark.parametrize(
    ("chased", "moves", "reason"),
    [(CANCELED, ASKED, "time is over"), (CROSSED, OVERSPENT, "moves are over")],
)
def test_what_is_left_stays_where_nothing_goes_to_market(chased: Chased, moves: Moves, reason: str) -> None:
    step = next_step(LATE._replace(terms=CANCELS), chased, touch=TOUCH, moves=moves, now_ms=NOW)
    assert step == Done(reason)  # type: ignore[arg-type] - one of the words


@pytest.mark.parametrize(
    ("step", "outcome", "expected"),
    [
        (PlaceLimit(D(2), D(99)), "done", Moves(0, may_place=False)),
        (PlaceLimit(D(2), D(99)), "would take", Moves(1, may_place=True)),
        (Amend(D(99)), "done", Moves(1, may_place=True)),
        (Cancel(), "done", Moves(0, may_place=True, canceled_ms=NOW)),
        (SendRest(D(1)), "done", Moves(0, may_place=True, went_to_market=True)),
        (Wait("rests"), "done", Moves(0, may_place=False)),
        (Wait("no prices"), "done", Moves()),
    ],
)
def test_what_was_done(step: Step, outcome: str, expected: Moves) -> None:
    assert after(Moves(), step, outcome, NOW) == expected  # type: ignore[arg-type] - one of the words


@pytest.mark.parametrize("seed", range(200))
def test_children_never_sum_to_more_than_what_is_wanted(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a seed
    side: Side = chance.choice(("buy", "sell"))
    terms = TERMS._replace(at_end=chance.choice(("market", "cancel")))
    book = Played(chance, WantedEntry(side, D(5), 20_000, terms))
    moves, now, step = Moves(), 0, None
    while not isinstance(step, Done):
        wanted = book.wanted._replace(is_withdrawn=now > 60_000)
        touch = book.touch() if chance.random() < 0.7 else None
        step = next_step(wanted, book.chased(), touch=touch, moves=moves, now_ms=now)
        outcome = book.do(step)
        moves = after(moves, step, outcome, now)  # type: ignore[arg-type] - one of the words
        assert book.filled + book.works <= wanted.quantity
        now += 500
        assert now < 120_000
    assert book.works == 0
    assert book.n_moves <= terms.most_moves + 1


class Played:
    """A venue that fills, refuses and cancels by chance; a second order beside one that works is a fault."""

    def __init__(self, chance: random.Random, wanted: WantedEntry) -> None:
        self.chance, self.wanted = chance, wanted
        self.filled = self.works = D(0)
        self.status: str | None = None
        self.price = D(0)
        self.n_moves = 0

    def touch(self) -> Touch:
        mid = D(self.chance.randrange(95, 105))
        return Touch(mid - 1, mid + 1)

    def chased(self) -> Chased:
        if self.works and self.chance.random() < 0.2:
            part = min(self.works, D(self.chance.randrange(1, 4)))
            self.filled, self.works = self.filled + part, self.works - part
            self.status = "PARTIALLY_FILLED" if self.works else "FILLED"
        return Chased(self.filled, self.status, self.price, is_settled=self.chance.random() < 0.8)  # type: ignore[arg-type] - one of the words

    def do(self, step: Step) -> str:
        if isinstance(step, PlaceLimit | SendRest):
            assert not self.works
            if self.chance.random() < 0.3:
                self.n_moves += isinstance(step, PlaceLimit)
                self.status = "REJECTED"
                return "would take" if isinstance(step, PlaceLimit) else "done"
            self.works, self.status = step.quantity, "ACCEPTED"
            self.price = step.price if isinstance(step, PlaceLimit) else D(0)
            if isinstance(step, SendRest):
                self.filled, self.works, self.status = self.filled + self.works, D(0), "FILLED"
        elif isinstance(step, Amend):
            self.n_moves += 1
            self.price = step.price
            if self.chance.random() < 0.3:
                self.works, self.status = D(0), "CANCELED"
        elif isinstance(step, Cancel):
            is_done = self.chance.random() < 0.7
            self.works, self.status = (D(0), "CANCELED") if is_done else (self.works, "PENDING_CANCEL")
        return "done"
