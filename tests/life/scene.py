"""What a scene is: what befalls a world, and what must be true of it then."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from sqlalchemy import Engine

from tests.life.days import DayClock
from tests.life.truth import COURSES, REFIT_DAYS, Course, Truth

PEOPLE: Final = ("ann", "bob")


class Scene(NamedTuple):
    """What befalls a world.

    Parameters
    ----------
    courses
        Its strategies.
    change
        Makes what is true in it from what would be.
    people
        Who answers.
    act
        What somebody does after the cycle of a day; True lets the day be lived again.
    trades
        Trades out of sample of each night's verdict, by version.
    refit_days
        How often the searches find other parameters.
    check
        Sentences that name what is not as it must be, from the rows alone.
    has_befallen
        Whether it came to it: what never befell a world proves nothing there.
    """

    courses: Mapping[str, Course] = COURSES
    change: Callable[[Truth], Truth] = lambda truth: truth
    people: tuple[str, ...] = PEOPLE
    act: Callable[[Engine, DayClock], bool] = lambda _engine, _clock: False
    trades: Mapping[str, int] = {"a": 60, "b": 60}
    refit_days: int = REFIT_DAYS
    check: Callable[[Engine, DayClock], Iterable[str]] = lambda _engine, _clock: ()
    has_befallen: Callable[[Engine], bool] = lambda _engine: True


def named(*names: str) -> dict[str, Course]:
    """Strategies of the plain world."""
    return {name: COURSES[name] for name in names}
