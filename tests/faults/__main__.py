"""Plays many worlds: ``python -m tests.faults --seeds N --first K``; the last line is a JSON document.

A seed that violates something is one line to repeat: ``make faults SEEDS=1 FIRST=<seed>``.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from tests.faults.challenge import Challenge
from tests.faults.chosen import Chosen, names_of
from tests.faults.deployments import Deploy, deployment_at, pair_at, resting_at
from tests.faults.mutants import MUTANTS
from tests.faults.outside import ENTRIES, enter_by
from tests.faults.table import MOST_OF_FEW
from tests.faults.tally import Tally
from tests.faults.world import Prepare, World, play

STRATEGIES: dict[str, Deploy] = {
    "target": deployment_at,
    "event": resting_at,
    "set": pair_at,
    "challenge": deployment_at,
}
PREPARED: dict[str, Prepare] = {"challenge": Challenge}
"""What else is made of a world whose first deployment trades by that."""


def prepared(strategy: str, names: Sequence[str], seed: int, entry: str = "") -> Prepare:
    """What is made of a world before it begins; what is not named its seed draws."""
    prepare = PREPARED.get(strategy, lambda _: None)

    def both(world: World) -> None:
        if names:
            Chosen(names, seed)(world)
        enter_by(entry, world)
        prepare(world)

    return both


def main(arguments: list[str]) -> int:
    """Play the worlds; 1 if any of them violates an invariant."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__.partition(";")[0])
    parser.add_argument("--seeds", type=int, default=20, help="how many worlds")
    parser.add_argument("--first", type=int, default=1, help="the first one's seed")
    parser.add_argument("--events", type=int, default=200, help="events of each world")
    parser.add_argument("--books", type=int, default=1, help="how many deployments trade the symbol")
    parser.add_argument("--mutant", choices=MUTANTS, help="a runner that is broken on purpose")
    parser.add_argument("--only", type=names_of, help="faults, comma-separated; 'rare': the rarest so far")
    parser.add_argument("--strategy", choices=STRATEGIES, default="target", help="what it trades by")
    parser.add_argument("--entry", choices=ENTRIES, default="", help="how its orders enter")
    chosen = parser.parse_args(arguments)
    broken = MUTANTS[chosen.mutant].apply if chosen.mutant else nullcontext
    logging.disable(logging.CRITICAL)  # what a runner says of thousands of faults tells nobody anything
    tally = Tally()
    for seed in range(chosen.first, chosen.first + chosen.seeds):
        names = tally.rarest(MOST_OF_FEW) if chosen.only == () else chosen.only or ()
        try:
            with broken():
                prepare = prepared(chosen.strategy, names, seed, chosen.entry)
                deploy = STRATEGIES[chosen.strategy]
                outcome = play(seed, chosen.events, chosen.books, deploy=deploy, prepare=prepare)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        for (invariant, what), at_ms in outcome.violations.items():
            repeat = f" (--only {','.join(names)})" if names else ""
            print(f"seed {seed}{repeat}: {invariant} at {at_ms}: {what}", flush=True)
        tally.add(outcome)
    print("\n".join(tally.coverage()))
    print(json.dumps(tally.document))
    return int(tally.n_violations > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
