"""What befalls a world: changes of what is true in it, of who answers, and of the money that people move."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
from sqlalchemy import Engine, select

from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.store.capital_changes import read_capital, set_capital
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import deployments
from tests.life.days import DayClock
from tests.life.truth import COURSES, DAYS_BEFORE, VOLATILITY, Course, Truth

PEOPLE: Final = ("ann", "bob")
CRASH_DAY: Final = 70
CRASH_DAYS: Final = 10
CRASH: Final = 0.12
"""What every unit loses on the first day of the crash, fraction; they move as one until it is over."""
TAIL_DAY: Final = 60
TAIL: Final = 0.6
DRIFT: Final = 0.004
"""What a coin rises a day in a bull market, fraction: a Sharpe ratio near four without any skill."""
BUSY_TRADES: Final = 6000
"""Trades of a version that trades a hundred times as often."""


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
        What somebody does after the cycle of a day.
    trades
        Trades out of sample of each night's verdict, by version.
    """

    courses: Mapping[str, Course] = COURSES
    change: Callable[[Truth], Truth] = lambda truth: truth
    people: tuple[str, ...] = PEOPLE
    act: Callable[[Engine, DayClock], None] = lambda _engine, _clock: None
    trades: Mapping[str, int] = {"a": 60, "b": 60}


def crash(truth: Truth) -> Truth:
    """Let all units fall together on one day, and move as one for some more."""
    span = slice(DAYS_BEFORE + CRASH_DAY, DAYS_BEFORE + CRASH_DAY + CRASH_DAYS)
    first = next(iter(truth.returns.values()))[span].copy()
    first[0] = -CRASH
    returns = {unit: days.copy() for unit, days in truth.returns.items()}
    for days in returns.values():
        days[span] = first
    return truth._replace(returns=returns)


def sold_tail(truth: Truth) -> Truth:
    """Let the strategies of that name earn a little each day, until one day takes it all."""
    returns = dict(truth.returns)
    for number, unit in enumerate(truth.returns):
        if unit.strategy == "sold_tail":
            chance = np.random.default_rng(number)
            returns[unit] = 0.0006 + 0.001 * chance.standard_normal(returns[unit].size)
            returns[unit][DAYS_BEFORE + TAIL_DAY] = -TAIL
    return truth._replace(returns=returns)


def bull(truth: Truth) -> Truth:
    """Let every coin rise, and every strategy hold it: nobody has skill."""
    market, returns = {}, {}
    for number, symbol in enumerate(sorted({unit.symbol for unit in truth.returns})):
        days = np.random.default_rng([number, 7]).normal(DRIFT, VOLATILITY, truth.n_days)
        market[symbol] = days
    for number, unit in enumerate(truth.returns):
        own = np.random.default_rng([number, 8]).normal(0.0, 0.2 * VOLATILITY, truth.n_days)
        returns[unit] = market[unit.symbol] + own
    nobody = {unit: np.zeros(truth.n_days) for unit in returns}
    return truth._replace(returns=returns, sharpe=nobody, market=market)


def moved_money(engine: Engine, clock: DayClock) -> None:
    """Pay in and take out of whatever trades at a venue, every fifth day."""
    if clock.day % 5:
        return
    part = Decimal("1.2") if clock.day % 10 else Decimal("0.8")
    standing = select(deployments.c.id).where(deployments.c.stage.in_(ORDER_STAGES))
    with transaction(engine) as connection:
        for key in connection.execute(standing.order_by(deployments.c.id)).scalars().all():
            wanted = (read_capital(connection, key) or Decimal(0)) * part
            said = {"actor": "ann", "reason": "money came or went", "source": "operator", "now": clock.now}
            set_capital(connection, key, wanted.quantize(Decimal("0.01")), **said)  # type: ignore[arg-type]


def _named(*names: str) -> dict[str, Course]:
    return {name: COURSES[name] for name in names}


SCENES: Final[dict[str, Scene]] = {
    "plain": Scene(),
    "crash": Scene(change=crash),
    "bull": Scene(_named("noise_a", "noise_b", "noise_c"), change=bull),
    "sold_tail": Scene({"sold_tail": COURSES["noise_a"], "noise_a": COURSES["noise_a"]}, change=sold_tail),
    "silent": Scene(people=PEOPLE[:1]),
    "money": Scene(act=moved_money),
    "busy": Scene(trades={"a": 60, "b": BUSY_TRADES}),
}
"""Scenes by name; ``plain`` is the world in which nothing befalls anybody."""
