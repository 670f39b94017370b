"""A year of one world, lived through by the real guards and tables."""

from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Engine, select

from quant_pipelines.core.settings import Settings
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import deployments
from tests.life.books import Books
from tests.life.cycle import Cycle
from tests.life.days import DayClock
from tests.life.kills import Kills
from tests.life.outcome import Outcome, outcome_of
from tests.life.scene import Scene
from tests.life.scenes.table import SCENES
from tests.life.searches import Searches
from tests.life.truth import DAYS, Truth, Unit, draw


class Promotion(NamedTuple):
    """A deployment that became live.

    Parameters
    ----------
    unit
        What it trades.
    since, until
        Days of the year on which it became live and on which it was no more; the latter None where it still
        is.
    is_false
        Whether it had no edge over the thirty days from the promotion on.
    """

    unit: Unit
    since: int
    until: int | None
    is_false: bool


class World:
    """One world.

    Parameters
    ----------
    engine
        Migrated database of its own.
    seed
        Of everything in it.
    scene
        What befalls it.
    """

    def __init__(self, engine: Engine, seed: int, scene: Scene = SCENES["plain"]) -> None:
        self.truth: Truth = scene.change(draw(seed, scene.courses, scene.symbols))
        self.engine = engine
        books = Books(engine, self.truth, seed)
        searches = Searches(engine, self.truth, scene)
        settings = replace(Settings(), ladder=scene.ladder)
        self._scene, self._clock = scene, DayClock()
        self._cycle = Cycle(engine, settings, self._clock, searches=searches, books=books, scene=scene)
        self.kills = Kills(engine)
        self._live: dict[int, Promotion] = {}

    def live(self, first: int = 0, until: int = DAYS) -> None:
        """Live through days of the year, from the first up to the last one, which is left out."""
        for day in range(max(first, self._scene.begins), until):
            while self._cycle.run(day):
                pass
            self._note(day)

    @property
    def promotions(self) -> tuple[Promotion, ...]:
        """Deployments that became live, in the order in which they did."""
        return tuple(self._live.values())

    def outcome(self) -> Outcome:
        """What became of it so far."""
        found = outcome_of(self.engine)
        own = tuple(self._scene.check(self.engine, self._clock))
        return found._replace(violations=(*found.violations, *own))

    @property
    def has_befallen(self) -> bool:
        """Whether its scene came to what it is about."""
        return self._scene.has_befallen(self.engine)

    def _note(self, day: int) -> None:
        live = select(deployments).where(deployments.c.stage == "live").order_by(deployments.c.id)
        with transaction(self.engine) as connection:
            standing = {row.id: Unit(row.strategy, row.symbol) for row in connection.execute(live)}
        for number, unit in standing.items():
            is_false = self.truth.mean_ahead(unit, day) <= 0.0
            self._live.setdefault(number, Promotion(unit, day, None, is_false))
        for number, one in self._live.items():
            if number not in standing and one.until is None:
                self._live[number] = one._replace(until=day)
