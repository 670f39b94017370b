"""Worlds that were lived at this commit, in a file beside the sources: a run that was stopped goes on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults.soak import version

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / ".life.jsonl"


class Kept:
    """What was lived.

    Parameters
    ----------
    days
        Length of the worlds that count.
    scene
        What befalls them.
    file
        Where it is kept, a line for each world.
    """

    def __init__(self, days: int, scene: str, file: Path = FILE) -> None:
        self._file = file
        self.of = {"commit": version(), "days": days, "scene": scene}
        lines = map(json.loads, file.read_text().splitlines()) if file.is_file() else ()
        same = (line for line in lines if {name: line.get(name) for name in self.of} == self.of)
        self.worlds: dict[int, dict[str, Any]] = {line["world"]["seed"]: line["world"] for line in same}

    def lacks(self, seeds: Sequence[int]) -> list[int]:
        """Seeds that are still to be lived."""
        return [seed for seed in seeds if seed not in self.worlds]

    def add(self, world: dict[str, Any]) -> None:
        """Keep a world that was lived to its end."""
        self.worlds[world["seed"]] = world
        with self._file.open("a") as kept:
            kept.write(json.dumps(self.of | {"world": world}) + "\n")
