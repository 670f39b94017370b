"""A long run of worlds that can be stopped and gone on with; ``docs/faults.md`` tells what each commit had.

``python -m tests.faults.soak --seeds 10000 --first 1``: chunks that are done already at this commit are left
out, and each new one is written down as soon as it is done.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DONE = ROOT / ".soak.jsonl"
PAGE = ROOT / "docs" / "faults.md"
_CHUNK = 50
_SUMMED = ("seeds", "events", "violations")
_HEAD = "| commit | worlds | seeds | events | violations |\n|---|---|---|---|---|\n"


def play_chunk(first: int) -> dict[str, Any]:
    """Play some worlds in a process of their own; what they violate is told by seed."""
    command = [sys.executable, "-m", "tests.faults", "--seeds", str(_CHUNK), "--first", str(first)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise RuntimeError(f"worlds {first} to {first + _CHUNK - 1} ended with {done.stderr[-2000:]}")
    found = [line for line in lines if line.startswith("seed ")]
    return {"first": first, **json.loads(lines[-1]), "found": found}


def rows_of(done: Iterable[dict[str, Any]]) -> str:
    """Table of what was played, a row for each commit, the newest first."""
    whole = dict[str, list[dict[str, Any]]]()
    for chunk in done:
        whole.setdefault(chunk["commit"], []).append(chunk)
    return "".join(_row(commit, chunks) for commit, chunks in reversed(whole.items()))


def _row(commit: str, chunks: list[dict[str, Any]]) -> str:
    first, last = min(one["first"] for one in chunks), max(one["first"] + one["seeds"] - 1 for one in chunks)
    seeds, events, violations = (
        sum(one[name] for one in chunks) for name in ("seeds", "events", "violations")
    )
    return f"| {commit} | {seeds:,} | {first}-{last} | {events:,} | {violations:,} |\n"


def write_page(page: Path, done: Iterable[dict[str, Any]]) -> None:
    """Replace the table of a page; rows of commits that this machine has not played stay."""
    before, _, rows = page.read_text().partition(_HEAD)
    new = rows_of(done)
    mine = {line.split(" | ")[0] for line in new.splitlines()}
    others = [line for line in rows.splitlines(keepends=True) if line.split(" | ")[0] not in mine]
    page.write_text(before + _HEAD + new + "".join(others))


def main(arguments: list[str]) -> int:
    """Play what is not done yet; 1 if any world violates an invariant."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__.partition(";")[0])
    parser.add_argument("--seeds", type=int, default=10_000, help="how many worlds")
    parser.add_argument("--first", type=int, default=1, help="the first one's seed")
    chosen = parser.parse_args(arguments)
    commit = subprocess.check_output(["git", "rev-parse", "--short=8", "HEAD"], cwd=ROOT, text=True).strip()
    done = [json.loads(line) for line in DONE.read_text().splitlines()] if DONE.exists() else []
    known = {one["first"] for one in done if one["commit"] == commit}
    every = range(chosen.first, chosen.first + chosen.seeds, _CHUNK)
    with ThreadPoolExecutor(os.cpu_count()) as pool, DONE.open("a") as log:
        for chunk in as_completed([pool.submit(play_chunk, first) for first in every if first not in known]):
            done.append(row := {"commit": commit, **chunk.result()})
            log.write(json.dumps(row) + "\n")
            log.flush()
            write_page(PAGE, done)
            print("\n".join(row["found"]), end="", flush=True)
    here = [one for one in done if one["commit"] == commit]
    told = {name: sum(one[name] for one in here) for name in _SUMMED}
    print(json.dumps({"commit": commit, **told}))
    return int(told["violations"] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
