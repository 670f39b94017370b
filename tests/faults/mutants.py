"""Runners that are broken on purpose, and how many worlds the examiner needs to see it.

    python -m tests.faults.mutants --seeds 100

Each mutant is played world by world until something is violated. The last line is a JSON document.
"""

import argparse
import json
import logging
import random
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

from tests.faults.boundaries import DEATHS
from tests.faults.crash import matrix, play_script
from tests.faults.deployments import deployment_at, resting_at
from tests.faults.evidence import Violation
from tests.faults.mutations import fills, orders, restarts, resting, stops
from tests.faults.mutations.changed import Block
from tests.faults.outside import enter_by
from tests.faults.world import play

Worlds: TypeAlias = Literal["seeds", "event", "script", "twap"]
"""Seeded worlds, of targets, of orders that rest, or of those that enter in slices.

Or, for what few of them meet, the script, killed at a call about an order (`crash.py`).
"""


class Mutant(NamedTuple):
    """A broken runner: its name, what it breaks, and the invariants of which one should see it."""

    name: str
    breaks: str
    invariants: frozenset[str]
    apply: Callable[[], Block]
    worlds: Worlds = "seeds"


def _mutant(
    name: str, breaks: str, invariants: str, apply: Callable[[], Block], worlds: Worlds = "seeds"
) -> Mutant:
    return Mutant(name, breaks, frozenset(invariants.split()), apply, worlds)


MUTANTS = {
    one.name: one
    for one in (
        # Orders and their outcomes
        _mutant("resend", "sends again what is unknown", "I5", orders.resends_what_is_unknown),
        _mutant("resend-renamed", "the same under another name", "I1", orders.resends_under_another_name),
        _mutant(
            "unknown-refused",
            "unknown counts as refused",
            "I2 I7",
            partial(orders.unknown_is, orders.refused),
        ),
        _mutant(
            "broken-refused",
            "an answer that can't be read counts as refused",
            "I2 I7",
            partial(orders.unknown_is, orders.refused_if_broken),
        ),
        _mutant(
            "unknown-filled",
            "unknown counts as filled",
            "I2 I3 I10",
            partial(orders.unknown_is, orders.filled),
        ),
        _mutant("send-first", "requests leave before the commit", "I1", orders.commits_later),
        _mutant("one-name", "all orders go out under one name", "I1 I5", orders.sends_all_under_one_name),
        _mutant("epoch", "names carry another epoch", "I9", orders.names_with_another_epoch),
        _mutant("double", "sends twice the quantity of the intent", "I1", orders.sends_twice_the_quantity),
        _mutant(
            "exit-opens", "exits are not reduce-only, and too large", "I1 I8", orders.exits_twice_as_much
        ),
        _mutant("entry-takes", "entries with a limit may take", "I1", orders.enters_with_what_may_take),
        _mutant("amend-more", "a change asks for twice as much", "I1", orders.amends_to_twice_the_quantity),
        _mutant("two-entries", "a second entry instead of a move", "I4 I5", orders.enters_with_two_at_once),
        _mutant("slice-early", "a slice leaves before its time", "I11", orders.sends_slices_early, "twap"),
        _mutant("slice-again", "a slice is what was decided", "I4", orders.sends_whole_slices_again, "twap"),
        _mutant("send-denied", "sends what was denied", "I7 I8", orders.sends_what_was_denied),
        _mutant("halts", "decides and sends while halted", "I8", orders.ignores_halts),
        _mutant(
            "one-look-up",
            "one look-up proves that an order never came",
            "I2 I7",
            orders.gives_up_after_one_look_up,
        ),
        _mutant("no-look-up", "what is unknown stays so", "I10", orders.never_looks_up),
        _mutant("states-back", "an order's state goes back", "I7 I10", orders.lets_states_go_back),
        # Fills and payments
        _mutant("no-sweep", "fills come by the stream alone", "I2", fills.sweeps_no_trades),
        _mutant(
            "dead-key", "the same, and a stream that ended stays away", "I2", fills.trusts_a_dead_listen_key
        ),
        _mutant(
            "cumulated", "each part of a fill counts as all of the order", "I2", fills.books_orders_as_fills
        ),
        _mutant(
            "each-message",
            "what is swept is booked beside what was streamed",
            "I2",
            fills.books_each_message,
        ),
        _mutant("no-dedupe", "forgets which trades are booked", "I2 I10", fills.forgets_what_it_booked),
        _mutant("no-fees", "books no fees", "I2", fills.books_no_fees),
        _mutant("floats", "fees pass through a float", "I2", fills.books_floats),
        _mutant("funding-twice", "books each payment twice", "I3", partial(fills.pays_funding, 2), "script"),
        _mutant("no-funding", "books no payment", "I3", partial(fills.pays_funding, 0), "script"),
        # Stops
        _mutant("no-stop", "places no stop", "I6", stops.places_no_stop),
        _mutant(
            "half-stop",
            "a stop over half of the position",
            "I6",
            partial(stops.places_stops_over, stops.half),
        ),
        _mutant(
            "first-stop",
            "stops keep the first size",
            "I6",
            partial(stops.places_stops_over, stops.the_first),
        ),
        _mutant("wrong-side", "a stop on the other side", "I6", stops.places_stops_on_the_wrong_side),
        _mutant(
            "cancel-first",
            "the old stop goes before the new one stands",
            "I6",
            stops.cancels_before_it_places,
        ),
        _mutant(
            "no-read-back",
            "believes that a stop stands",
            "I6",
            partial(stops.places_stops, is_remembered=False),
        ),
        _mutant(
            "stop-refused",
            "the same, whatever is listed",
            "I6",
            partial(stops.places_stops, is_remembered=True),
        ),
        _mutant("stops-stay", "old stops stay at the venue", "I10", stops.cancels_no_stop),
        # Orders that rest
        _mutant(
            "placed-protects",
            "a stop of the strategy counts as one of the runner",
            "I1 I6",
            resting.takes_what_strategies_placed_for_its_own,
            "event",
        ),
        _mutant(
            "stop-left",
            "a stop that the strategy took back stays",
            "I10",
            partial(resting.leaves, conditional=True),
            "event",
        ),
        _mutant(
            "limit-left",
            "a limit that the strategy took back stays",
            "I10",
            partial(resting.leaves, conditional=False),
            "event",
        ),
        _mutant(
            "stop-taken",
            "a stop is canceled that the strategy wants",
            "I1",
            partial(resting.takes_back, conditional=True),
            "event",
        ),
        _mutant(
            "limit-taken",
            "a limit is canceled that the strategy wants",
            "I1",
            partial(resting.takes_back, conditional=False),
            "event",
        ),
        # Restarts
        _mutant(
            "restart-refused",
            "what was sent before counts as refused",
            "I2 I7",
            restarts.gives_up_what_was_sent,
            "script",
        ),
        _mutant(
            "restart-sends", "what was left is sent later", "I8 I9", restarts.sends_what_was_left, "script"
        ),
        _mutant(
            "restart-blind",
            "trades of before are not read",
            "I2 I10",
            restarts.reads_no_trades_of_before,
            "script",
        ),
    )
}


class Caught(NamedTuple):
    """After how many worlds a mutant was seen, and by what; ``worlds`` is None if it was not."""

    worlds: int | None
    violations: tuple[Violation, ...]
    seconds: float


def hunt(mutant: Mutant, n_worlds: int, first: int = 1) -> Caught:
    """Play worlds with a mutant until something is violated."""
    begun = time.monotonic()
    for count, violations in enumerate(_played(mutant, n_worlds, first), 1):
        if violations:
            return Caught(count, tuple(violations), time.monotonic() - begun)
    return Caught(None, (), time.monotonic() - begun)


def _played(mutant: Mutant, n_worlds: int, first: int) -> Iterable[dict[Violation, int]]:
    if mutant.worlds == "script":
        cells = [path for path in matrix() if path[-1].how in DEATHS and "order" in path[-1].boundary.name]
        for path in random.Random(first).sample(cells, min(n_worlds, len(cells))):
            with mutant.apply():
                yield play_script(*path).violations
        return
    deploy = resting_at if mutant.worlds == "event" else deployment_at
    prepare = partial(enter_by, "twap") if mutant.worlds == "twap" else partial(enter_by, "")
    for seed in range(first, first + n_worlds):
        with mutant.apply():
            yield play(seed, deploy=deploy, prepare=prepare).violations


def main(arguments: list[str]) -> int:
    """Hunt all mutants, or those that are named; 1 if one of them was not caught."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__.partition(",")[0])
    parser.add_argument("names", nargs="*", help="which; all without any")
    parser.add_argument("--seeds", type=int, default=100, help="how many worlds a mutant may live")
    parser.add_argument("--first", type=int, default=1, help="the first one's seed")
    chosen = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # broken runners have much to say
    needed: dict[str, int | None] = {}
    for mutant in (MUTANTS[name] for name in chosen.names or MUTANTS):
        caught = hunt(mutant, chosen.seeds, chosen.first)
        needed[mutant.name] = caught.worlds
        seen = sorted({violation.invariant for violation in caught.violations})
        told = f"{caught.worlds} worlds" if caught.worlds else "NOT caught"
        by = f"{','.join(seen)}: {caught.violations[0].what}" if caught.violations else ""
        print(f"{mutant.name:<16} {told:<12} {caught.seconds:6.1f} s  {by[:150]}", flush=True)
    n_caught = sum(count is not None for count in needed.values())
    print(json.dumps({"mutants": len(needed), "caught": n_caught, "needed": needed}))
    return int(n_caught < len(needed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
