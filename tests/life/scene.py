"""What a scene is: what befalls a world, and what must be true of it then."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from sqlalchemy import Engine

from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.research.capital import take_due_look
from tests.life.days import DayClock
from tests.life.truth import COURSES, DAYS, EXCHANGE, SYMBOLS, Course, Truth, Unit, window_of

PEOPLE: Final = ("ann", "bob")


class Scene(NamedTuple):
    """What befalls a world.

    Parameters
    ----------
    courses, symbols
        Its strategies, each on every symbol.
    change
        Makes what is true in it from what would be.
    people
        Who answers.
    act
        What somebody does after the cycle of a day; True lets the day be lived again.
    trades
        Trades out of sample of each night's verdict, by version.
    window
        Parameter that the night behind a day of the year finds of a unit.
    verdict_days
        How often a unit gets a verdict.
    ladder
        How long each stage lasts, and its bounds.
    begins, ends
        Days of the year of its first cycle and after its last one.
    look
        Takes the look that is due.
    check
        Sentences that name what is not as it must be, from the rows alone.
    has_befallen
        Whether it came to it: what never befell a world proves nothing there.
    """

    courses: Mapping[str, Course] = COURSES
    symbols: tuple[str, ...] = SYMBOLS
    change: Callable[[Truth], Truth] = lambda truth: truth
    people: tuple[str, ...] = PEOPLE
    act: Callable[[Engine, DayClock], bool] = lambda _engine, _clock: False
    trades: Mapping[str, int] = {"a": 60, "b": 60}
    window: Callable[[Unit, int], int] = window_of
    verdict_days: int = 28
    ladder: LadderSettings = LadderSettings()
    begins: int = 0
    ends: int = DAYS
    look: Callable[[Engine, DayClock], object] = lambda engine, clock: take_due_look(engine, EXCHANGE, clock)
    check: Callable[[Engine, DayClock], Iterable[str]] = lambda _engine, _clock: ()
    has_befallen: Callable[[Engine], bool] = lambda _engine: True


def named(*names: str) -> dict[str, Course]:
    """Strategies of the plain world."""
    return {name: COURSES[name] for name in names}
