"""Cover, move, exit on a table of situations, each of which is one sentence."""

from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import pytest

from quant_pipelines.trading.cover import (
    Action,
    AskedFor,
    ExitPosition,
    Holding,
    StandingLevels,
    Wait,
    after,
    next_action,
)
from quant_pipelines.trading.levels import CancelLevel, MoveLevel, PlaceLevel, WantedLevel
from quant_pipelines.trading.tries import LevelTries, Outcome, Pace, Tries
from quant_pipelines.trading.venue import VenueStop

NOW = 100.0
SOON = NOW + 2.0
TWO = Decimal(2)
LOWER, HIGHER = (
    WantedLevel("sell", Decimal(90), "atr_stop"),
    WantedLevel("sell", Decimal(95), "chandelier_stop"),
)
ABOVE = WantedLevel("buy", Decimal(110), "hard_stop")
GOAL, NEARER = (
    WantedLevel("sell", Decimal(120), "take_profit"),
    WantedLevel("sell", Decimal(115), "take_profit"),
)
NOT_DUE = Pace(NOW + 1.0)


def stands(name: str, wanted: WantedLevel, quantity: int | None = None) -> VenueStop:
    """One at the venue that closes the position, or reduces it by a quantity."""
    of = Decimal(quantity or 0)
    takes_profit = wanted.reason == "take_profit"
    known = (wanted.side, wanted.trigger_price, quantity is None, "ACCEPTED")
    return VenueStop(name, "1", *known, quantity=of, takes_profit=takes_profit)  # type: ignore[arg-type]


OLD, NEW, SHORTS = stands("old", LOWER), stands("new", HIGHER), stands("short", ABOVE)
BRIDGE, SMALL = stands("bridge", HIGHER, 2), stands("small", HIGHER, 1)
OLD_GOAL, NEW_GOAL = stands("old goal", GOAL), stands("new goal", NEARER)

LONG, FLAT = Holding(TWO, LOWER), Holding(Decimal(0))
RISEN = Holding(TWO, HIGHER)
GREEDY = Holding(TWO, LOWER, GOAL)
LEAVING = Holding(TWO, LOWER, None, "time_stop")
CLOSED = ExitPosition("close", TWO, None, "operator")
LEFT = ExitPosition("exit", TWO, "time_stop", "stop fired")
FLATTENED = ExitPosition("flatten", TWO, None, "uncovered")


def judged(verdict: Outcome, wanted: WantedLevel = LOWER, at: float = NOW) -> LevelTries:
    return LevelTries(wanted, NOT_DUE, None, verdict, at)


def tries(
    stop: LevelTries = LevelTries(),  # noqa: B008 - a tuple
    goal: LevelTries = LevelTries(),  # noqa: B008 - a tuple
    *,
    may_exit: bool = True,
    has_looked: bool = False,
) -> Tries:
    return Tries(Pace() if may_exit else NOT_DUE, stop, goal, has_looked)


class Case(NamedTuple):
    held: Holding
    expected: Action
    stops: tuple[VenueStop, ...] = ()
    goals: tuple[VenueStop, ...] = ()
    asked: AskedFor = AskedFor()
    tries: Tries = Tries()


CASES = {
    # nothing to do
    "what is flat and clear waits": Case(FLAT, Wait("flat")),
    "what is held under its stop waits": Case(LONG, Wait("covered"), (OLD,)),
    "what is held between stop and goal waits": Case(GREEDY, Wait("covered"), (OLD,), (OLD_GOAL,)),
    # the way in
    "a position without a stop gets one": Case(LONG, PlaceLevel("stop", LOWER, SOON)),
    "a short position gets one above": Case(Holding(-TWO, ABOVE), PlaceLevel("stop", ABOVE, SOON)),
    "news do not delay the first stop": Case(
        LONG, PlaceLevel("stop", LOWER, SOON), asked=AskedFor(has_news=True)
    ),
    "a stop of a smaller quantity is none": Case(LONG, PlaceLevel("stop", LOWER, SOON), (SMALL,)),
    "a stop of the other side is none": Case(LONG, PlaceLevel("stop", LOWER, SOON), (SHORTS,)),
    "a goal is none": Case(GREEDY, PlaceLevel("stop", LOWER, SOON), (), (OLD_GOAL,)),
    "the goal comes behind the stop": Case(GREEDY, PlaceLevel("take_profit", GOAL, SOON), (OLD,)),
    "a stop placed again is given the rest of its time": Case(
        LONG, PlaceLevel("stop", LOWER, 100.5), tries=tries(LevelTries(LOWER, Pace(), 100.5))
    ),
    "a stop of the whole quantity lies under what is placed": Case(
        RISEN, PlaceLevel("stop", HIGHER, SOON), (BRIDGE,)
    ),
    # moves
    "a level that has risen is moved": Case(RISEN, MoveLevel("stop", HIGHER, TWO, SOON), (OLD,)),
    "the old one goes once the new one lies over the quantity": Case(
        RISEN, CancelLevel("stop", HIGHER, OLD, SOON), (OLD, BRIDGE)
    ),
    "the old one stays while the new one is smaller than the position": Case(
        RISEN, MoveLevel("stop", HIGHER, TWO, SOON), (OLD, SMALL)
    ),
    "what lay in between goes last": Case(RISEN, CancelLevel("stop", HIGHER, BRIDGE, SOON), (BRIDGE, NEW)),
    "a reversal's old stop goes behind the new one": Case(
        RISEN, CancelLevel("stop", HIGHER, SHORTS, SOON), (SHORTS, NEW)
    ),
    "the stop is moved before the goal": Case(
        GREEDY._replace(stop=HIGHER, take_profit=NEARER),
        MoveLevel("stop", HIGHER, TWO, SOON),
        (OLD,),
        (OLD_GOAL,),
    ),
    "a goal is moved the same way": Case(
        GREEDY._replace(take_profit=NEARER), MoveLevel("take_profit", NEARER, TWO, SOON), (OLD,), (OLD_GOAL,)
    ),
    "a goal that is not wanted any more goes": Case(
        LONG, CancelLevel("take_profit", None, OLD_GOAL, SOON), (OLD,), (OLD_GOAL,)
    ),
    "nothing moves before what has come is booked": Case(
        RISEN, Wait("not booked yet"), (OLD,), asked=AskedFor(has_news=True)
    ),
    "a move that goes on is not held up by news": Case(
        RISEN,
        CancelLevel("stop", HIGHER, OLD, 101.0),
        (OLD, BRIDGE),
        asked=AskedFor(has_news=True),
        tries=tries(LevelTries(HIGHER, NOT_DUE, 101.0)),
    ),
    "a move that was refused waits under the old stop": Case(
        RISEN, Wait("not due yet"), (OLD,), tries=tries(LevelTries(HIGHER, NOT_DUE))
    ),
    "a move that was refused leaves the goal its turn": Case(
        GREEDY._replace(stop=HIGHER),
        PlaceLevel("take_profit", GOAL, SOON),
        (OLD,),
        tries=tries(LevelTries(HIGHER, NOT_DUE)),
    ),
    "a move that was refused is tried again when it is due": Case(
        RISEN, MoveLevel("stop", HIGHER, TWO, SOON), (OLD,), tries=tries(LevelTries(HIGHER, Pace(NOW)))
    ),
    "a move beyond its deadline ends for this look": Case(
        RISEN, Wait("not due yet"), (OLD, BRIDGE), tries=tries(LevelTries(HIGHER, Pace(), NOW))
    ),
    "another level is tried at once": Case(
        RISEN, MoveLevel("stop", HIGHER, TWO, SOON), (OLD,), tries=tries(LevelTries(LOWER, NOT_DUE))
    ),
    "a goal that was refused waits": Case(
        GREEDY, Wait("not due yet"), (OLD,), tries=tries(goal=LevelTries(GOAL, NOT_DUE))
    ),
    # the way out that somebody or a close asks for
    "an operator's word closes": Case(LONG, CLOSED, (OLD,), asked=AskedFor(must_flatten=True)),
    "what the breaker closes is named after its event": Case(
        LONG,
        CLOSED._replace(reason="delisting", cause="breaker"),
        (OLD,),
        asked=AskedFor(must_flatten=True, closes_for="delisting"),
    ),
    "an operator's word wins over a fired stop": Case(LEAVING, CLOSED, asked=AskedFor(must_flatten=True)),
    "an operator's word wins over a trigger": Case(
        LONG, CLOSED, asked=AskedFor(must_flatten=True, triggered_ago_ms=10)
    ),
    "an operator's word on nothing held does nothing": Case(
        FLAT, Wait("flat"), asked=AskedFor(must_flatten=True)
    ),
    "a stop that fired at a close leaves": Case(LEAVING, LEFT, (OLD,)),
    "a stop at the venue that has triggered was faster": Case(
        LEAVING, Wait("triggering"), (OLD,), asked=AskedFor(triggered_ago_ms=1_999)
    ),
    "a trigger without a fill does not hold the exit up for ever": Case(
        LEAVING, LEFT, asked=AskedFor(triggered_ago_ms=2_000)
    ),
    "an exit that works is waited for": Case(LEAVING, Wait("closing"), asked=AskedFor(is_closing=True)),
    "an exit that works is waited for, whoever asks": Case(
        LEAVING, Wait("closing"), asked=AskedFor(must_flatten=True, is_closing=True)
    ),
    "an exit that is not due leaves the stop in place": Case(
        LEAVING, Wait("covered"), (OLD,), tries=tries(may_exit=False)
    ),
    "an exit that is not due has a stop placed": Case(
        LEAVING, PlaceLevel("stop", LOWER, SOON), tries=tries(may_exit=False)
    ),
    # the way out because nothing protects
    "a stop that came to nothing has the venue read once more": Case(
        LONG, Wait("last look"), tries=tries(judged("failed"))
    ),
    "what is still uncovered then is closed": Case(
        LONG, FLATTENED, tries=tries(judged("failed"), has_looked=True)
    ),
    "a stop that is late came to nothing": Case(
        LONG, FLATTENED, tries=tries(LevelTries(LOWER, Pace(), NOW), has_looked=True)
    ),
    "a stop that the last look has found is enough": Case(
        LONG, Wait("covered"), (OLD,), tries=tries(judged("failed"), has_looked=True)
    ),
    "a trigger that the last look has found is waited for": Case(
        LONG, Wait("triggering"), asked=AskedFor(triggered_ago_ms=5), tries=tries(judged("failed"))
    ),
    "a trigger is waited for 2 s, then a stop is placed": Case(
        LONG, PlaceLevel("stop", LOWER, SOON), asked=AskedFor(triggered_ago_ms=2_000)
    ),
    "what may not be closed yet waits a little": Case(
        LONG, Wait("uncovered"), tries=tries(judged("failed", at=NOW - 0.3), may_exit=False)
    ),
    "what may not be closed yet has its stop tried again": Case(
        LONG, PlaceLevel("stop", LOWER, SOON), tries=tries(judged("failed", at=NOW - 0.4), may_exit=False)
    ),
    "a verdict of long ago has the stop tried again": Case(
        LONG, PlaceLevel("stop", LOWER, SOON), tries=tries(judged("failed", at=NOW - 2.0))
    ),
    "a position that names no level is closed": Case(Holding(TWO), FLATTENED, tries=tries(has_looked=True)),
    "a position that names no level keeps what protects it": Case(Holding(TWO), Wait("covered"), (OLD,)),
    # the way out because a level has passed
    "a price through the new level has the venue read, though the old one stands": Case(
        RISEN, Wait("last look"), (OLD,), tries=tries(judged("passed", HIGHER))
    ),
    "a price through the new level closes in its name": Case(
        RISEN,
        ExitPosition("flatten", TWO, "chandelier_stop", "level passed"),
        (OLD,),
        tries=tries(judged("passed", HIGHER), has_looked=True),
    ),
    "a price through the first stop closes in its name": Case(
        LONG,
        ExitPosition("flatten", TWO, "atr_stop", "uncovered"),
        tries=tries(judged("passed"), has_looked=True),
    ),
    "a price through a level that is not wanted any more closes nothing": Case(
        LONG, Wait("covered"), (OLD,), tries=tries(judged("passed", HIGHER))
    ),
    "a price at the goal takes it": Case(
        GREEDY,
        ExitPosition("exit", TWO, "take_profit", "level passed"),
        (OLD,),
        tries=tries(goal=judged("passed", GOAL)),
    ),
    "a price at the goal waits while an exit is not due": Case(
        GREEDY, Wait("not due yet"), (OLD,), tries=tries(goal=judged("passed", GOAL), may_exit=False)
    ),
    # flat
    "a stop of what is flat goes": Case(FLAT, CancelLevel("stop", None, OLD, SOON), (OLD,), (OLD_GOAL,)),
    "then its goal goes": Case(FLAT, CancelLevel("take_profit", None, OLD_GOAL, SOON), (), (OLD_GOAL,)),
    "a stop that does not go does not keep the goal": Case(
        FLAT,
        CancelLevel("take_profit", None, OLD_GOAL, SOON),
        (OLD,),
        (OLD_GOAL,),
        tries=tries(judged("failed")),
    ),
    "what does not go is tried at the next look": Case(
        FLAT, Wait("flat"), (OLD,), tries=tries(judged("failed"))
    ),
    "what triggered last is waited for though flat": Case(
        FLAT, Wait("triggering"), (OLD,), asked=AskedFor(triggered_ago_ms=5)
    ),
}


@pytest.mark.parametrize("sentence", CASES)
def test_next_action(sentence: str) -> None:
    case = CASES[sentence]
    standing = StandingLevels(case.stops, case.goals)
    assert next_action(case.held, standing, case.asked, case.tries, NOW) == case.expected


def test_a_refused_move_is_tried_again_after_2_s_then_ever_later_up_to_a_minute() -> None:
    standing, known, now, tried = StandingLevels((OLD,)), Tries(), 0.0, list[float]()
    while len(tried) < 8:
        action = next_action(RISEN, standing, AskedFor(), known, now)
        if isinstance(action, MoveLevel):
            tried.append(now)
        known = after(known, action, "failed", now)
        now += 0.5 if isinstance(action, Wait) else 0.0
    assert [later - sooner for sooner, later in pairwise(tried)] == [
        2,
        4,
        8,
        16,
        32,
        60,
        60,
    ]


def test_an_exit_that_the_venue_refuses_is_paced_the_same_way_and_forgotten_once_flat() -> None:
    known = Tries()
    for n_tries, (now, pause) in enumerate(((0.0, 2.0), (2.0, 4.0), (6.0, 8.0)), 1):
        assert next_action(LEAVING, StandingLevels((OLD,)), AskedFor(), known, now) == LEFT
        known = after(known, LEFT, "failed", now)
        assert known.exit == Pace(now + pause, 2 * pause, n_tries)
    assert after(known, Wait("flat"), "done", 7.0).exit == Pace()


def test_a_move_is_four_steps_of_one_try_and_the_next_bar_begins_another() -> None:
    known, standing, steps = Tries(), [OLD], list[Action]()
    while not isinstance(
        action := next_action(RISEN, StandingLevels(tuple(standing)), AskedFor(), known, NOW), Wait
    ):
        steps.append(action)
        known = after(known, action, "done", NOW)
        if isinstance(action, CancelLevel):
            standing.remove(action.stop)
        else:
            standing.append(BRIDGE if isinstance(action, MoveLevel) else NEW)
    assert [type(step) for step in steps] == [MoveLevel, CancelLevel, PlaceLevel, CancelLevel]
    assert known.stop.pace == Pace(NOW + 2.0, 4.0, 1)
    assert after(known, action, "done", NOW) == Tries()


@pytest.mark.parametrize("verdict", ["failed", "passed"])
def test_a_verdict_under_the_old_stop_does_not_close_what_becomes_uncovered_later(verdict: Outcome) -> None:
    known = tries(judged(verdict, HIGHER), may_exit=False)
    action = next_action(RISEN, StandingLevels((OLD,)), AskedFor(), known, NOW)
    assert action == Wait("not due yet")
    known = after(known, action, "done", NOW)._replace(exit=Pace())
    assert next_action(RISEN, StandingLevels(), AskedFor(), known, NOW) == PlaceLevel("stop", HIGHER, SOON)


def test_a_cancel_that_failed_while_flat_does_not_close_the_next_entry() -> None:
    known = after(Tries(), CancelLevel("stop", None, OLD, SOON), "failed", NOW)
    known = after(known, next_action(FLAT, StandingLevels((OLD,)), AskedFor(), known, NOW), "done", NOW)
    assert next_action(RISEN, StandingLevels(), AskedFor(), known, NOW) == PlaceLevel("stop", HIGHER, SOON)
