"""What the pipelines do in a day, by the functions that their sensors and jobs call."""

from contextlib import suppress
from typing import Final

from sqlalchemy import Engine

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import Settings
from quant_pipelines.lifecycle import score_deployments, screen_candidates
from quant_pipelines.operations.challenges import take_back_failed
from quant_pipelines.operations.culling import cull_worst, end_rests
from quant_pipelines.operations.live_budget import take_back_spent
from quant_pipelines.operations.rebalance import plan_due
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.operations.stages import Step, promote, steps_in_reach
from quant_pipelines.operations.triggers import watch_performance
from tests.life.books import Books
from tests.life.days import DayClock
from tests.life.scene import Scene
from tests.life.searches import Searches

LADDER_ACTOR: Final = "promotion ladder"


class Cycle:
    """One world's pipelines.

    Parameters
    ----------
    engine, settings, clock
        Product database, what is in force, and the time.
    searches, books
        What goes on by night, and what trades earn.
    scene
        What befalls it.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        clock: DayClock,
        *,
        searches: Searches,
        books: Books,
        scene: Scene,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock
        self._searches = searches
        self._books = books
        self._scene = scene

    def run(self, day: int) -> bool:
        """Live through a day of the year, gone on with where it was broken off; True asks for it again."""
        engine, ladder, clock = self._engine, self._settings.ladder, self._clock
        clock.day = day + 1
        self._books.close(day)
        self._searches.run(day)
        screen_candidates(engine, self._settings, clock)
        self._scene.look(engine, clock)
        score_deployments(engine, self._settings, clock)
        watch_performance(engine, self._settings.triggers, clock)
        end_rests(engine, ladder, clock)
        cull_worst(engine, ladder, clock)
        take_back_spent(engine, ladder, clock)
        plan_due(engine, self._settings, clock)
        take_back_failed(engine, ladder, clock)
        for step in steps_in_reach(engine, ladder, clock):
            self._promote(step)
        return self._scene.act(engine, clock)

    def _promote(self, step: Step) -> None:
        """Let the ladder promote what needs no person; who answers agrees to all that is asked."""
        people = self._scene.people[: step.people] if step.people else (LADDER_ACTOR,)
        for name in people:
            if len(people) < step.people and self._clock.day % 7:
                continue  # whoever is left alone asks again only now and then
            signature = Signature(name, "the evidence suffices")
            with suppress(LifecycleError):  # another step of the day came before it: the next look knows
                promote(
                    self._engine,
                    self._settings.ladder,
                    signature,
                    deployment_id=step.deployment_id,
                    target=step.target,
                    clock=self._clock,
                )
