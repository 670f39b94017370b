"""Lives many worlds: ``python -m tests.life --seeds N --first K``; the last line is a JSON document.

Each world is a year of days: records grow, looks are taken, deployments are promoted, scored and taken back
by the real guards on a real database. What was lived at this commit is kept and not lived again, and
``docs/life.md`` tells of it.
"""

import argparse
import json
import sys
import time
from typing import Any

from tests.life import page
from tests.life.broken import BROKEN
from tests.life.databases import copied, server
from tests.life.kept import Kept
from tests.life.scenes.table import SCENES
from tests.life.year import World


def main(arguments: list[str]) -> int:
    """Live the worlds; 1 if any of them violates what must hold."""
    parser = argparse.ArgumentParser(prog="life", description=__doc__.partition(";")[0])
    parser.add_argument("--seeds", type=int, default=1, help="how many worlds")
    parser.add_argument("--first", type=int, default=1, help="the first one's seed")
    parser.add_argument("--days", type=int, help="day of the year on which each world ends")
    parser.add_argument("--scene", choices=SCENES, default="plain", help="what befalls them")
    broken = "worlds that are broken on purpose instead: all, or those with this in their name"
    parser.add_argument("--broken", nargs="?", const="", metavar="TEXT", help=broken)
    chosen = parser.parse_args(arguments)
    if chosen.broken is not None:
        return see_broken(chosen.first, chosen.broken)
    scene = SCENES[chosen.scene]
    ends = chosen.days or scene.ends
    kept = Kept(ends, chosen.scene)
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    if kept.lacks(seeds):
        with server() as postgres:
            for seed in kept.lacks(seeds):
                with copied(postgres.url("postgres"), postgres.url(f"life_{seed}")) as engine:
                    kept.add(lived(World(engine, seed, scene), seed, ends))
                page.write(page.figures(kept.of, Kept(ends, chosen.scene).worlds.values()))
    worlds = [kept.worlds[seed] for seed in seeds]
    for world in worlds:
        print(json.dumps(world))
    document = summary(worlds)
    print(json.dumps(document))
    return int(document["violations"] > 0)


def see_broken(seed: int, part: str = "") -> int:
    """Live worlds that are broken on purpose; 1 if a check does not tell one of them from the whole one.

    Parameters
    ----------
    seed
        Of each world.
    part
        Only those with this in their name.
    """
    chosen, unseen = {name: one for name, one in BROKEN.items() if part in name}, 0
    with server() as postgres:
        for number, (name, broken) in enumerate(chosen.items()):
            url = postgres.url(f"broken_{number}")
            with copied(postgres.url("postgres"), url) as engine:
                world = World(engine, seed, broken.scene)
                world.live(until=broken.until)
                of_whole = broken.says(world.outcome().violations)
            with copied(postgres.url("postgres"), url) as engine:
                world = World(engine, seed, broken.broken_scene)
                world.live(until=broken.until)
                broken.spoil(engine)
                violations = world.outcome().violations
            seen, lacks = broken.says(violations), broken.lacks(violations)
            told = {
                "broken": name,
                "seen": seen[: len(broken.sees)],
                "lacks": lacks,
                "of_whole": of_whole[:1],
            }
            print(json.dumps(told), flush=True)
            unseen += bool(lacks or of_whole)
    print(json.dumps({"broken": len(chosen), "unseen": unseen}))
    return int(unseen > 0 or not chosen)


def lived(world: World, seed: int, days: int) -> dict[str, Any]:
    """Live a world to its end, and tell what became of it."""
    began, cpu = time.monotonic(), time.process_time()
    world.live(until=days)
    outcome = world.outcome()
    return {
        "seed": seed,
        "violations": list(outcome.violations),
        "live": [[*one.unit, one.since, one.until, one.is_false] for one in world.promotions],
        "digest": outcome.digest,
        "befallen": world.has_befallen,
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }


def summary(worlds: list[dict[str, Any]]) -> dict[str, Any]:
    """Sum over worlds; a world counts once, however many of its promotions are false."""
    return {
        "seeds": len(worlds),
        "violations": sum(len(world["violations"]) for world in worlds),
        "false_promotions": sum(any(one[-1] for one in world["live"]) for world in worlds),
        "befallen": sum(world["befallen"] for world in worlds),
        "promotions": sum(len(world["live"]) for world in worlds),
        "cpu_seconds": round(sum(world["cpu_seconds"] for world in worlds), 1),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
