"""What holds of cover, move and exit whatever is held, stands, was asked for or tried."""

import random
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.trading.cover import (
    TRIGGER_MS,
    Action,
    AskedFor,
    ExitPosition,
    Holding,
    StandingLevels,
    Wait,
    after,
    next_action,
)
from quant_pipelines.trading.levels import (
    CancelLevel,
    MoveLevel,
    PlaceLevel,
    WantedLevel,
    protects,
    wanted_level,
)
from quant_pipelines.trading.tries import READ_BACK_SECONDS, LevelTries, Outcome, Pace, Tries
from quant_pipelines.trading.venue import VenueStop

NOW = 100.0
SIDES = st.sampled_from(["buy", "sell"])
PRICES = st.integers(90, 92).map(Decimal)
WANTED = st.builds(WantedLevel, SIDES, PRICES, st.sampled_from(["hard_stop", "atr_stop"]))
POSITIONS = st.integers(-2, 2).map(Decimal)
PACES = st.builds(Pace, st.floats(90, 110), st.sampled_from([2.0, 4.0, 60.0]))
LEVELS = st.builds(
    LevelTries,
    st.none() | WANTED,
    PACES,
    st.none() | st.floats(99, 103),
    st.sampled_from(["done", "failed", "passed"]),
    st.floats(95, NOW),
)
TRIES = st.builds(Tries, PACES, LEVELS, LEVELS, st.booleans(), st.just(2.0))
ASKED = st.builds(AskedFor, st.booleans(), st.booleans(), st.none() | st.integers(0, 4_000), st.booleans())


def stops(*, takes_profit: bool) -> st.SearchStrategy[tuple[VenueStop, ...]]:
    one = st.builds(
        lambda side, price, closes, quantity: VenueStop(
            f"{side}{price}{closes}{quantity}",
            "1",
            side,
            price,
            closes,
            "ACCEPTED",
            "",
            Decimal(0 if closes else quantity),
            takes_profit,
        ),
        SIDES,
        PRICES,
        st.booleans(),
        st.integers(1, 2),
    )
    return st.lists(one, max_size=3, unique_by=lambda stop: stop.client_order_id).map(tuple)


STANDING = st.builds(StandingLevels, stops(takes_profit=False), stops(takes_profit=True))


@st.composite
def helds(draw: st.DrawFn) -> Holding:
    """A position with levels of its own side, or none."""
    position = draw(POSITIONS)
    levels = [wanted_level(position, draw(st.none() | st.floats(90, 92)), Decimal(1), "x") for _ in range(2)]
    return Holding(position, *levels, draw(st.sampled_from(["", "time_stop"])))


SITUATIONS = (helds(), STANDING, ASKED, TRIES)


@given(*SITUATIONS)
def test_an_exit_never_adds_and_never_two_work_at_once(
    held: Holding, standing: StandingLevels, asked: AskedFor, tries: Tries
) -> None:
    action = next_action(held, standing, asked, tries, NOW)
    if isinstance(action, ExitPosition):
        assert action.position == held.position != 0
        assert not asked.is_closing
        assert tries.exit.is_due(NOW)


@given(*SITUATIONS)
def test_an_operators_and_the_breakers_word_wins(
    held: Holding, standing: StandingLevels, asked: AskedFor, tries: Tries
) -> None:
    asked = asked._replace(must_flatten=True, is_closing=False)
    action = next_action(held, standing, asked, tries._replace(exit=Pace()), NOW)
    cause = "operator" if asked.closes_for is None else "breaker"
    assert not held.position or (isinstance(action, ExitPosition) and action.cause == cause)


@given(*SITUATIONS)
def test_what_is_canceled_leaves_the_position_protected(
    held: Holding, standing: StandingLevels, asked: AskedFor, tries: Tries
) -> None:
    action = next_action(held, standing, asked, tries, NOW)
    if isinstance(action, CancelLevel) and action.level == "stop":
        left = [stop for stop in standing.stops if stop != action.stop]
        assert action.stop in standing.stops
        assert protects(left, held.position)


@given(*SITUATIONS)
def test_what_is_uncovered_is_placed_closed_or_about_to_be(
    held: Holding, standing: StandingLevels, asked: AskedFor, tries: Tries
) -> None:
    if protects(standing.stops, held.position) or asked.is_closing:
        return
    action = next_action(held, standing, asked, tries, NOW)
    if isinstance(action, Wait):
        is_triggering = asked.triggered_ago_ms is not None and asked.triggered_ago_ms < TRIGGER_MS
        is_tried = not tries.exit.is_due(NOW)
        assert action.reason in ("triggering", "last look", "uncovered")
        assert is_triggering == (action.reason == "triggering")
        assert is_tried or action.reason != "uncovered"
    else:
        assert isinstance(action, ExitPosition | PlaceLevel)


@given(*SITUATIONS)
def test_a_stop_stands_at_what_is_wanted_and_nothing_moves_within_a_tick(
    held: Holding, standing: StandingLevels, asked: AskedFor, tries: Tries
) -> None:
    action = next_action(held, standing, asked, tries, NOW)
    if isinstance(action, PlaceLevel | MoveLevel):
        wanted, stood = (
            (held.stop, standing.stops)
            if action.level == "stop"
            else (held.take_profit, standing.take_profits)
        )
        assert action.wanted == wanted
        assert not any(
            stop.closes_position and (stop.side, stop.trigger_price) == action.wanted[:2] for stop in stood
        )
        assert NOW < action.until <= NOW + 3.0


@given(
    size=st.decimals("0.001", 1000, places=3),
    price=st.floats(1, 1e5),
    tick=st.sampled_from(["0.1", "0.5", "1"]),
    is_long=st.booleans(),
)
def test_a_level_is_on_a_tick_at_the_side_of_safety(
    *, size: Decimal, price: float, tick: str, is_long: bool
) -> None:
    wanted = wanted_level(size if is_long else -size, price, Decimal(tick), "hard_stop")
    assert wanted is not None
    off = wanted.trigger_price - Decimal(repr(price))
    assert wanted.trigger_price % Decimal(tick) == 0
    assert 0 <= (off if is_long else -off) < Decimal(tick)


@dataclass
class Model:
    """A venue that takes, refuses or ignores what it is asked for; a book beside it; and time."""

    dice: random.Random
    refuses: float
    now: float = 0.0
    held: Holding = field(default_factory=lambda: Holding(Decimal(0)))
    stops: dict[str, VenueStop] = field(default_factory=dict)
    triggered_at: float | None = None
    closing_until: float | None = None
    tries: Tries = field(default_factory=Tries)
    n: int = 0
    moved: list[WantedLevel] = field(default_factory=list)

    @property
    def asked(self) -> AskedFor:
        ago = None if self.triggered_at is None else int(1000 * (self.now - self.triggered_at))
        return AskedFor(is_closing=self.closing_until is not None, triggered_ago_ms=ago)

    def look(self) -> list[Action]:
        """Do all that is asked for, until there is nothing to do."""
        done = list[Action]()
        while True:
            standing = StandingLevels(tuple(self.stops.values()))
            action = next_action(self.held, standing, self.asked, self.tries, self.now)
            done.append(action)
            outcome = self.act(action)
            self.tries = after(self.tries, action, outcome, self.now)
            if isinstance(action, Wait) and action.reason != "last look":
                return done
            assert len(done) < 30, "a look comes to an end"

    def act(self, action: Action) -> Outcome:
        if isinstance(action, ExitPosition):
            assert self.closing_until is None, "never two exits at once"
            self.closing_until = self.now + self.dice.uniform(0.1, 3.0)
        if isinstance(action, Wait | ExitPosition):
            return "done"
        if self.dice.random() < self.refuses:
            is_late = self.dice.random() < 0.5
            self.now = action.until if is_late else self.now + 0.01
            return self.dice.choice(("failed", "passed")) if isinstance(action, PlaceLevel) else "failed"
        self.now += 0.02
        if isinstance(action, CancelLevel):
            del self.stops[action.stop.client_order_id]
            assert protects(list(self.stops.values()), self.held.position)
            return "done"
        self.n += 1
        quantity = action.quantity if isinstance(action, MoveLevel) else Decimal(0)
        if not quantity:
            twins = [one for one in self.stops.values() if one.closes_position]
            assert all(one.side != action.wanted.side for one in twins), "-4130: one closing stop for a side"
            self.moved.append(action.wanted)
        name, (side, price, _) = f"s{self.n}", action.wanted
        self.stops[name] = VenueStop(name, "1", side, price, not quantity, "ACCEPTED", quantity=quantity)
        return "done"

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        if self.closing_until is not None and self.now >= self.closing_until:
            self.closing_until = None
            if self.dice.random() >= self.refuses:
                self.hold(0, 0)
        if self.triggered_at is not None and self.now > self.triggered_at + 0.2:
            self.triggered_at = None
            self.hold(0, 0)

    def hold(self, position: int, level: int) -> None:
        of = Decimal(position)
        self.held = Holding(of, wanted_level(of, level, Decimal(1), "hard_stop"))

    def happen(self) -> None:
        """A fill, a bar that moves the level, a trigger, or somebody who cancels a stop."""
        what, position = self.dice.randrange(5), int(self.held.position)
        if what == 0 and self.closing_until is None:
            self.hold(self.dice.choice((-2, -1, 1, 2)), 90)
        elif what == 1:
            self.hold(position, self.dice.randint(80, 99))
        elif what == 2 and self.stops and position:
            self.stops.popitem()
            self.triggered_at = self.now
        elif what == 3 and self.stops:
            self.stops.popitem()


@pytest.mark.parametrize("refuses", [0.0, 0.3, 1.0])
@settings(max_examples=50)
@given(dice=st.randoms(use_true_random=True))
def test_however_a_venue_answers_nothing_stays_uncovered_beyond_its_deadline(
    refuses: float, dice: random.Random
) -> None:
    model = Model(dice, refuses)
    for _ in range(30):
        model.happen()
        began, may_exit = model.now, model.tries.exit.is_due(model.now)
        done = model.look()
        is_leaving = model.closing_until is not None or model.triggered_at is not None
        if not is_leaving and not protects(list(model.stops.values()), model.held.position):
            assert not may_exit, "what is uncovered is closed, unless an exit was tried just now"
        if any(isinstance(action, ExitPosition) for action in done) and may_exit:
            assert model.now <= began + READ_BACK_SECONDS + 0.5
        model.pass_time(dice.uniform(0.05, 1.0))


def test_a_level_is_placed_once_for_each_change() -> None:
    model = Model(random.Random(0), refuses=0.0)  # noqa: S311 - a test's dice
    model.hold(2, 80)
    wanted = list[WantedLevel]()
    for level in (80, 80, 83, 83, 83, 85, 84, 84):
        model.hold(2, level)
        assert model.held.stop is not None
        wanted += [model.held.stop] if wanted[-1:] != [model.held.stop] else []
        model.look()
        model.look()
        model.pass_time(0.5)
    assert model.moved == wanted
    assert len(model.stops) == 1
