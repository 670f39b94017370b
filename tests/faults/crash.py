"""Breaks a runner at each of its boundaries, lets it live on by its rows, and examines what became of it.

    python -m tests.faults.crash --every 1

The script is one: entry, flip behind a funding slot, exit by the target, entry, reduction, exit of a stop at
a bar's close, an operator's close; stops are placed and moved on the way. What it calls is recorded first.
The matrix is every kind of call, its first and a later occurrence, broken in each way, and every kind of call
of the recovery behind an order that nobody heard of, killed once more. The last line is a JSON document.
"""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from live_runner.process.runner import Surroundings
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, from_ms
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.store.heartbeats import halt_alert
from quant_pipelines.trading.breaker import Trip
from tests.faults.boundaries import BREAKS, DEATHS, Boundary, Cell, Trap, WatchedNetwork, WatchedRows
from tests.faults.decisions import DecisionRules
from tests.faults.deployments import deployment_at
from tests.faults.evidence import Violation
from tests.faults.loop import run_virtually
from tests.faults.network import Life
from tests.faults.outside import living_by
from tests.faults.world import World

TARGETS = (1.0, -1.0, 0.0, 1.0, 0.4, 0.4, -1.0)
"""At each minute's close. The second one is the funding slot; what is entered at the fourth ends by time."""
LOST_ENTRY = Cell(Boundary("net", "POST /fapi/v1/order entry"), 2, "dies after")
"""Whose recovery the second part of the matrix is recorded from: the flip was sent, and nobody heard."""
_SEED = 3
_SLOT_MINUTE = 1
_RECOVERY_SECONDS = 8.0
_QUIET_SECONDS = 25.0
_STOP = Trip("flattened", "closed by an operator")

SOURCE = '''
import numpy as np
from quant_pipelines.sdk import Array, Bars, Float, Int, Stops, Strategy


class Script(Strategy):
    """What is written."""

    stops = Stops(
        hard_stop=Float(0.05, low=0.001, high=0.5),
        chandelier_stop=Float(8.0, low=1.0, high=50.0),
        time_stop=Int(2, low=1, high=100),
    )

    def target(self, bars: Bars) -> Array:
        minutes = (bars.ts - {begun_ms}) // 60_000 + 1
        return np.asarray({targets})[np.clip(minutes, 0, {last})] * (minutes >= 0)
'''


class Play(NamedTuple):
    """How one script went: which cells came, what is wrong, how many processes it took, and what was called.

    ``recovery`` are the calls of the first seconds behind the last break.
    """

    has_fired: bool
    violations: dict[Violation, int]
    lives: int
    calls: dict[Boundary, int]
    recovery: tuple[Boundary, ...]


class ScriptedWorld(World):
    """A world without faults but those that a trap makes."""

    def __init__(self, cells: tuple[Cell, ...]) -> None:
        super().__init__(_SEED, is_faulty=False)
        slot_ms = (self.begun_ms // (8 * HOUR_MS) + 1) * 8 * HOUR_MS
        first_ms = slot_ms - _SLOT_MINUTE * MINUTE_MS
        self.begun_ms = self._now_ms = first_ms - 20_000
        source = SOURCE.format(begun_ms=first_ms, targets=TARGETS, last=len(TARGETS) - 1)
        self.deployment = replace(deployment_at(self.begun_ms, self.chance), source=source)
        self.journal.deployments = {self.deployment.id: self.deployment}
        self.trap = Trap(cells, self._end_process, lambda: asyncio.get_running_loop().time())
        self.network = WatchedNetwork(**vars(self.network), trap=self.trap)
        decisions = DecisionRules(self.evidence, self.market, self.deployment)
        self.examiners = [decisions if isinstance(one, DecisionRules) else one for one in self.examiners]
        self._life = Life()
        self._ending: list[asyncio.Task[None]] = []

    async def play_script(self) -> None:
        """Trade to the end of the script, in as many lives as it takes, and until all is quiet."""
        self._stopping, (supervisor,) = asyncio.Event(), self.supervisors
        clockworks = [asyncio.create_task(self.service._run()), asyncio.create_task(self.streams._play())]
        running = asyncio.create_task(supervisor.run(self._stopping))
        await self._look_on(20.0 + (len(TARGETS) - 1) * MINUTE_MS / 1000 + 15.0)
        self.journal.write_alert(halt_alert(self.deployment.key, _STOP, from_ms(self.clock())))
        await self._look_on(_QUIET_SECONDS)
        for examiner in self.examiners:
            examiner.look_at_rest()
        self._look_at_the_end()
        self._stopping.set()
        await asyncio.gather(running, *self._ending)
        for clockwork in clockworks:
            clockwork.cancel()
        await asyncio.gather(*clockworks, return_exceptions=True)

    def result(self) -> Play:
        trap, lives = self.trap, self.supervisors[0].n_lives
        recovery = (one for one, at in trap.begun.items() if at < trap.armed_at + _RECOVERY_SECONDS)
        return Play(not trap.cells, self.found, lives, dict(trap.passed), tuple(sorted(recovery)))

    async def _look_on(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            await asyncio.sleep(0.5)
            self._look()

    def _end_process(self) -> None:
        self._life.is_over = True  # at once: another task of it may be about to ask for something
        self._ending.append(asyncio.get_running_loop().create_task(self.supervisors[0].kill()))

    async def _live(self, life: Life) -> None:
        self._life, self.trap.is_dead = life, False
        await super()._live(life)

    def _surroundings(self, source: CcxtSource, life: Life) -> Surroundings:
        around = super()._surroundings(source, life)
        journal: Any = WatchedRows(around.journal, self.trap)
        funds: Any = WatchedRows(around.funds, self.trap, "funds.")
        return replace(around, journal=journal, funds=funds)

    def _look_at_the_end(self) -> None:
        """The operator's close has closed, and nothing else has halted anything."""
        held = self.evidence.held()
        faults = [f"{held} is held behind an operator's close"] if held else []
        halts = (one for one, _ in self.journal.tables.alerts if one.severity == "halt")
        faults += [f"halted: {one.message}" for one in halts if one.message != _STOP.reason]
        for fault in faults:
            self.examiner.found[Violation("I10", fault)] = self.clock()


def play_script(*cells: Cell) -> Play:
    """Play the script, with these calls broken one after the other."""
    world = ScriptedWorld(cells)
    try:
        with living_by(world.runners_clock):
            run_virtually(world.play_script(), world.chance)
    finally:
        world.ledger.close()
    return world.result()


def matrix() -> list[tuple[Cell, ...]]:
    """Every call that breaks, as recorded: each kind's first and a later one, and those of a recovery."""
    recorded, recovery = play_script(), play_script(LOST_ENTRY).recovery
    cells = [(cell,) for cell in _cells_of(recorded.calls)]
    return cells + [(LOST_ENTRY, Cell(one, 1, how)) for one in recovery for how in DEATHS]


def _cells_of(calls: dict[Boundary, int]) -> Iterable[Cell]:
    for boundary, count in sorted(calls.items()):
        for occurrence in sorted({1, (count + 2) // 2}):
            for how in BREAKS:
                yield Cell(boundary, occurrence, how)


def main(arguments: list[str]) -> int:
    """Play the matrix; 1 if a cell did not come, or left something wrong behind."""
    parser = argparse.ArgumentParser(prog="crash", description=__doc__.partition(",")[0])
    parser.add_argument("--every", type=int, default=1, help="play each n-th cell only")
    parser.add_argument("--first", type=int, default=0, help="the first one's number")
    chosen = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # what dying runners say of it tells nobody anything
    cells, covered, violations = matrix(), 0, 0
    played = range(chosen.first, len(cells), chosen.every)
    for number in played:
        play, name = play_script(*cells[number]), ", then ".join(map(str, cells[number]))
        covered += play.has_fired
        violations += len(play.violations)
        if not play.has_fired:
            print(f"{number}: {name}: did not come")
        for (invariant, what), at_ms in play.violations.items():
            print(f"{number}: {name}: {invariant} at {at_ms}: {what}", flush=True)
    print(f"crash matrix: {covered} of {len(played)} cells covered, {len(cells)} in all")
    print(json.dumps({"cells": len(played), "covered": covered, "of": len(cells), "violations": violations}))
    return int(covered < len(played) or violations > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
