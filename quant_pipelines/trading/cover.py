"""Cover, move, exit: what is to be done about a position at a venue, as a pure function.

Whoever talks to the venue reads what is held, what stands and what was asked for, asks `next_action`, does
it, and takes its outcome up with `after`, until it has to wait; it decides nothing.

========================================================  ================================================
what is so, the first that applies                        what is done
========================================================  ================================================
an exit works                                             wait for it
an operator or the breaker wants it closed                exit
a stop has triggered within 2 s                           wait for its fill
a stop fired at a bar's close                             exit
flat, and something stands                                cancel it
nothing protects it, and its stop came to nothing in 2 s  look at the venue once more, then exit
the price is through the stop that is wanted              the same, in the name of the stop
nothing protects it                                       place the stop
protected, and something has come that is not booked      wait until it is
another tick is wanted than the one that stands           move it; the old one goes when the new one stands
the price is at the take-profit already                   exit
========================================================  ================================================

Exits and moves are tried at once, then after 2 s, then ever later; what is not due yet hinders nothing below.
"""

from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

from quant_pipelines.trading.breaker import Event
from quant_pipelines.trading.levels import CancelLevel, Step, WantedLevel, next_step, protects
from quant_pipelines.trading.purposes import CLOSE, EXIT, FLATTEN
from quant_pipelines.trading.tries import LevelTries, Outcome, Pace, Tries
from quant_pipelines.trading.venue import VenueStop

TRIGGER_MS = 2_000
"""How long after an order was sent, or a stop has triggered, its fills are waited for."""

WaitReason: TypeAlias = Literal[
    "flat", "covered", "closing", "triggering", "not booked yet", "last look", "not due yet", "uncovered"
]
Cause: TypeAlias = Literal[
    "operator", "breaker", "reversal denied", "stop fired", "uncovered", "level passed"
]


class Holding(NamedTuple):
    """Position, base, signed; the levels that it needs; which stop, if any, closes it at a bar's close."""

    position: Decimal
    stop: WantedLevel | None = None
    take_profit: WantedLevel | None = None
    leaves_by: str = ""


class StandingLevels(NamedTuple):
    """Stops and take-profits of ours that wait at the venue."""

    stops: tuple[VenueStop, ...] = ()
    take_profits: tuple[VenueStop, ...] = ()


class AskedFor(NamedTuple):
    """What was asked for and has not come to its end.

    Parameters
    ----------
    must_flatten
        Whether an operator or the breaker wants the position closed.
    is_closing
        Whether an exit works.
    triggered_ago_ms
        Age of the newest trigger of a stop whose fill is not booked, by the venue's clock; None without one.
    has_news
        Whether something has come that is not booked yet, or is on its way: an order that fills in parts.
    closes_for
        Event for which the breaker wants it closed; None where an operator does.
    """

    must_flatten: bool = False
    is_closing: bool = False
    triggered_ago_ms: int | None = None
    has_news: bool = False
    closes_for: Event | None = None

    @property
    def is_triggering(self) -> bool:
        """Whether the fill of a stop is on its way."""
        return self.triggered_ago_ms is not None and self.triggered_ago_ms < TRIGGER_MS


class Wait(NamedTuple):
    """Nothing is to be done until something comes; ``last look``: until the venue has been read once more."""

    reason: WaitReason


class ExitPosition(NamedTuple):
    """Close ``position`` at once by an order that only reduces; ``reason`` is the stop or event behind it."""

    purpose: Literal["flatten", "close", "exit"]
    position: Decimal
    reason: str | None
    cause: Cause


Action: TypeAlias = Wait | Step | ExitPosition


def next_action(held: Holding, standing: StandingLevels, asked: AskedFor, tries: Tries, now: float) -> Action:
    """Decide what is to be done next about a position.

    Parameters
    ----------
    held
        What is held, by the booked fills.
    standing
        What waits at the venue.
    asked
        What was asked for.
    tries
        What was tried, and how it ended.
    now
        Seconds of the monotonic clock.

    Examples
    --------
    >>> from quant_pipelines.trading.levels import PlaceLevel
    >>> stop = WantedLevel("sell", Decimal(95), "hard_stop")
    >>> action = next_action(Holding(Decimal(2), stop), StandingLevels(), AskedFor(), Tries(), now=100.0)
    >>> action == PlaceLevel("stop", stop, until=102.0)
    True
    """
    if asked.is_closing:
        return Wait("closing")
    exit_now = leaving(held, asked)
    if exit_now is not None and tries.exit.is_due(now):
        return exit_now
    if asked.is_triggering:
        return Wait("triggering")
    if not held.position:
        return _clear(standing, tries, now)
    if (given_up := _given_up(held, standing, tries, now)) is not None:
        return given_up
    return _kept(held, standing, asked, tries, now)


def after(tries: Tries, action: Action, outcome: Outcome, now: float) -> Tries:
    """Return the tries after an action.

    Parameters
    ----------
    tries
        Those before.
    action
        What was done.
    outcome
        How it ended; of a wait and of an exit it does not matter.
    now
        Seconds of the monotonic clock, behind the action.
    """
    if isinstance(action, Wait):
        return _waited(tries, action, now)
    known = tries._replace(has_looked=False)
    if isinstance(action, ExitPosition):
        stop, goal = (level.judged("done", now) for level in (tries.stop, tries.take_profit))
        return known._replace(exit=tries.exit.tried(now), stop=stop, take_profit=goal)
    before = tries.stop if action.level == "stop" else tries.take_profit
    began = action.until - tries.read_back_seconds
    level = before.stepped(action.wanted, began=began, until=action.until)
    if outcome != "done":
        level = level.judged(outcome, now)
    return known._replace(stop=level) if action.level == "stop" else known._replace(take_profit=level)


def _waited(tries: Tries, wait: Wait, now: float) -> Tries:
    """Return the tries at the end of a look: only of what is uncovered the last verdict matters further."""
    if wait.reason == "last look":
        return tries._replace(has_looked=True)
    known = tries._replace(has_looked=False, exit=Pace() if wait.reason == "flat" else tries.exit)
    if wait.reason == "uncovered":
        return known
    if wait.reason in ("flat", "covered"):
        return known._replace(stop=LevelTries(), take_profit=LevelTries())
    stop, goal = (level.judged("done", now) for level in (tries.stop, tries.take_profit))
    return known._replace(stop=stop, take_profit=goal)


def leaving(held: Holding, asked: AskedFor) -> ExitPosition | None:
    """Exit that somebody or a bar's close asks for."""
    if held.position and asked.must_flatten:
        cause: Cause = "breaker" if asked.closes_for else "operator"
        return ExitPosition(CLOSE, held.position, asked.closes_for, cause)
    if held.position and held.leaves_by and not asked.is_triggering:  # else the venue was faster
        return ExitPosition(EXIT, held.position, held.leaves_by, "stop fired")
    return None


def _clear(standing: StandingLevels, tries: Tries, now: float) -> Action:
    """Leave nothing at the venue for a position that is flat."""
    if standing.stops and tries.stop.verdict == "done":
        return CancelLevel("stop", None, standing.stops[0], tries.deadline(tries.stop, None, now))
    if standing.take_profits and tries.take_profit.verdict == "done":
        until = tries.deadline(tries.take_profit, None, now)
        return CancelLevel("take_profit", None, standing.take_profits[0], until)
    return Wait("flat")


def _given_up(held: Holding, standing: StandingLevels, tries: Tries, now: float) -> Action | None:
    """Exit of a position whose stop came to nothing, once the venue was read again."""
    stop, is_protected = tries.stop, protects(standing.stops, held.position)
    is_passed = stop.is_passed(held.stop, now) and _stop_step(held, standing, tries, now) is not None
    is_lost = not is_protected and (held.stop is None or stop.has_failed(now))
    if not (is_passed or is_lost) or not tries.exit.is_due(now):
        return None
    if not tries.has_looked:
        return Wait("last look")
    reason = held.stop.reason if is_passed and held.stop is not None else None
    return ExitPosition(FLATTEN, held.position, reason, "level passed" if is_protected else "uncovered")


def _kept(held: Holding, standing: StandingLevels, asked: AskedFor, tries: Tries, now: float) -> Action:
    """Bring the levels of a position to where they should be."""
    stop, goal = tries.stop, tries.take_profit
    stop_step = _stop_step(held, standing, tries, now)
    if not protects(standing.stops, held.position):
        return stop_step if stop_step is not None and stop.may_place(now) else Wait("uncovered")
    if stop_step is not None and stop.may_step(held.stop, now, has_news=asked.has_news):
        return stop_step
    wanted, until = held.take_profit, tries.deadline(goal, held.take_profit, now)
    goal_step = next_step("take_profit", wanted, standing.take_profits, position=held.position, until=until)
    if goal_step is not None:
        if wanted is not None and goal.is_passed(wanted, now) and tries.exit.is_due(now):
            return ExitPosition(EXIT, held.position, wanted.reason, "level passed")
        if goal.may_step(wanted, now, has_news=asked.has_news):
            return goal_step
    if stop_step is None and goal_step is None:
        return Wait("covered")
    return Wait("not booked yet" if asked.has_news else "not due yet")


def _stop_step(held: Holding, standing: StandingLevels, tries: Tries, now: float) -> Step | None:
    until = tries.deadline(tries.stop, held.stop, now)
    return next_step("stop", held.stop, standing.stops, position=held.position, until=until)
