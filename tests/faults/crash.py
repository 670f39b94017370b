"""Breaks a runner at each of its boundaries, lets it live on by its rows, and examines what became of it.

    python -m tests.faults.crash --script target --every 1

The first script is entry, flip behind a funding slot, exit by the target, entry, reduction, exit of a stop at
a bar's close, an operator's close; stops are placed and moved on the way. The others do the like with a set,
with orders that rest, wait for a price, expire, are denied or taken back, and with a canary whose parameters
go on in the incumbent's book (`scripts.py`). What each calls is recorded first. The matrix is every kind of
call, its first and a later occurrence, broken in each way, and every kind of call of the recovery after an
order that nobody heard of, killed once more. The last line is JSON; its ``next`` is the ``--first`` by which
a run of some ``--minutes`` is gone on with.
"""

import argparse
import asyncio
import json
import logging
import math
import random
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from live_runner.process.runner import Surroundings
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, from_ms
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.heartbeats import halt_alert
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.trading.breaker import Trip
from tests.faults.boundaries import BREAKS, DEATHS, Boundary, Cell, Trap, WatchedNetwork, WatchedRows
from tests.faults.event_decisions import rests
from tests.faults.evidence import Violation
from tests.faults.legs import market_id_of
from tests.faults.loop import run_virtually
from tests.faults.network import Life
from tests.faults.outside import living_by
from tests.faults.scripts import BEGINS_MS, SCRIPTS, TARGETS, Script
from tests.faults.world import World

_SEED = 3
_SLOT_MINUTE = 1
_RECOVERY_SECONDS = 8.0
_QUIET_SECONDS = 25.0
_LEAVES_SECONDS = 5.0
"""For how long whoever has lost its rows or its venue takes back what rests and may open."""
_STOP = Trip("flattened", "closed by an operator")


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

    def __init__(self, script: Script, cells: tuple[Cell, ...]) -> None:
        super().__init__(_SEED, is_faulty=False, deploy=script.deploy)
        self.trap = Trap(cells, self._end_process, lambda: asyncio.get_running_loop().time())
        self.network = WatchedNetwork(**vars(self.network), trap=self.trap)
        self._life = Life()
        self._ending: list[asyncio.Task[None]] = []
        self._n_cells, self._lets_rest = len(cells), rests(self.deployment)
        script.prepare(self)

    def _begin_ms(self, chance: random.Random) -> int:
        drawn_ms = super()._begin_ms(chance)
        slot_ms = (drawn_ms // (8 * HOUR_MS) + 1) * 8 * HOUR_MS
        return slot_ms - _SLOT_MINUTE * MINUTE_MS - BEGINS_MS

    @property
    def at_venue(self) -> list[Deployment]:
        """What trades there."""
        return [one for one in self.journal.deployments.values() if one.venue != PAPER_VENUE]

    async def play_script(self) -> None:
        """Trade to the end of the script, in as many lives as it takes, and until all is quiet."""
        self._stopping, (supervisor,) = asyncio.Event(), self.supervisors
        clockworks = [asyncio.create_task(self.service._run()), asyncio.create_task(self.streams._play())]
        running = asyncio.create_task(supervisor.run(self._stopping))
        steps = [asyncio.create_task(one()) for one in self.beside]
        await self._look_on(20.0 + (len(TARGETS) - 1) * MINUTE_MS / 1000 + 15.0)
        await asyncio.gather(*steps)
        for name in {one.whole: one for one in self.at_venue}:
            self.journal.write_alert(halt_alert(name, _STOP, from_ms(self.clock())))
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

    def _is_troubled(self) -> bool:
        """Whether a call has just broken: nobody looks after the orders of a strategy then."""
        trap, now = self.trap, asyncio.get_running_loop().time()
        has_broken = len(trap.cells) < self._n_cells and now < trap.armed_at + _LEAVES_SECONDS
        return super()._is_troubled() or (self._lets_rest and has_broken)

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
        known = {one.symbol: self.ledger.position(market_id_of(one.symbol)).quantity for one in self.at_venue}
        held = {symbol: quantity for symbol, quantity in known.items() if quantity}
        faults = [f"{held} is held behind an operator's close"] if held else []
        halts = (one for one, _ in self.journal.tables.alerts if one.severity == "halt")
        faults += [f"halted: {one.message}" for one in halts if one.message != _STOP.reason]
        for fault in faults:
            self.examiner.found[Violation("I10", fault)] = self.clock()


def play_script(*cells: Cell, script: Script = SCRIPTS["target"]) -> Play:
    """Play a script, with these calls broken one after the other."""
    world = ScriptedWorld(script, cells)
    try:
        with living_by(world.runners_clock):
            run_virtually(world.play_script(), world.chance)
    finally:
        world.ledger.close()
    return world.result()


def matrix(script: Script = SCRIPTS["target"]) -> list[tuple[Cell, ...]]:
    """Every call that breaks, as recorded: each kind's first and a later one, and those of a recovery."""
    recorded, recovery = play_script(script=script), play_script(script.lost, script=script).recovery
    cells = [(cell,) for cell in _cells_of(recorded.calls)]
    return cells + [(script.lost, Cell(one, 1, how)) for one in recovery for how in DEATHS]


def _cells_of(calls: dict[Boundary, int]) -> Iterable[Cell]:
    for boundary, count in sorted(calls.items()):
        for occurrence in sorted({1, (count + 2) // 2}):
            for how in BREAKS:
                yield Cell(boundary, occurrence, how)


def main(arguments: list[str]) -> int:
    """Play the matrix; 1 if a cell did not come, or left something wrong behind."""
    parser = argparse.ArgumentParser(prog="crash", description=__doc__.partition(",")[0])
    parser.add_argument("--script", choices=SCRIPTS, default="target", help="what is traded meanwhile")
    parser.add_argument("--every", type=int, default=1, help="play each n-th cell only")
    parser.add_argument("--first", type=int, default=0, help="the first one's number")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no cell later than that")
    chosen = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # what dying runners say of it tells nobody anything
    script: Script = SCRIPTS[chosen.script]
    cells, covered, violations = matrix(script), 0, 0
    wanted, played, begun = range(chosen.first, len(cells), chosen.every), list[int](), time.monotonic()
    for number in wanted:
        if time.monotonic() - begun > 60.0 * chosen.minutes:
            break
        played.append(number)
        play, name = play_script(*cells[number], script=script), ", then ".join(map(str, cells[number]))
        covered += play.has_fired
        violations += len(play.violations)
        if not play.has_fired:
            print(f"{number}: {name}: did not come")
        for (invariant, what), at_ms in play.violations.items():
            print(f"{number}: {name}: {invariant} at {at_ms}: {what}", flush=True)
    print(f"crash matrix of {chosen.script}: {covered} of {len(played)} cells covered, {len(cells)} in all")
    print(
        json.dumps(
            {
                "script": chosen.script,
                "cells": len(played),
                "covered": covered,
                "of": len(cells),
                "violations": violations,
                "next": next((number for number in wanted if number not in played), None),
            }
        )
    )
    return int(covered < len(played) or violations > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
