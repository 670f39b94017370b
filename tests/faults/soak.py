"""A long run of worlds that can be stopped and gone on with; ``docs/faults.md`` tells what each commit had.

``python -m tests.faults.soak --seeds 10000 --first 1``: chunks of seeds that are done already at this commit
are left out, and each new one is written down as soon as it is done. What is traded changes with the chunk.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from tests.faults.tally import Tally

ROOT = Path(__file__).resolve().parents[2]
DONE = ROOT / ".soak.jsonl"
PAGE = ROOT / "docs" / "faults.md"
CHUNK = 50
KINDS = (
    ("--strategy", "target", "--books", "1"),
    ("--strategy", "event", "--books", "1"),
    ("--strategy", "target", "--books", "2"),
    ("--strategy", "target", "--books", "3"),
    ("--strategy", "set", "--books", "1"),
    ("--strategy", "challenge", "--books", "1"),
)
"""What the worlds of a chunk trade by, one after the other; what trades by orders is alone on its symbol."""
_CODE = (".", ":!docs")
"""What decides of a world: a commit of the table alone changes nothing of it."""
_HEARS_SECONDS = 1.0
"""How soon a run hears that it is to end."""
_SUMMED = ("seeds", "events", "violations")
_HEAD = "| commit | worlds | seeds | events | rarest fault | violations |\n|---|---|---|---|---|---|\n"
_UNKNOWN = "not kept"

Done = dict[str, Any]
"""A chunk that was played: commit, first seed, and the figures of its worlds."""


class Player:
    """Plays chunks in processes of their own, and ends them where it is to end itself."""

    def __init__(self, only: str = "") -> None:
        self._more = ("--only", only) if only else ()
        self._playing = set[subprocess.Popen[str]]()
        self._is_over = False

    def play(self, first: int) -> Done:
        """Play the worlds from a seed on; what they violate is told by seed."""
        kind = KINDS[first // CHUNK % len(KINDS)]
        command = [sys.executable, "-m", "tests.faults", "--seeds", str(CHUNK), "--first", str(first)]
        command += [*kind, *self._more]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
            self._playing.add(process)
            if self._is_over:  # it began while the others were ended
                process.terminate()
            told, error = process.communicate()
            self._playing.discard(process)
        lines = told.splitlines()
        if not lines or not lines[-1].startswith("{"):
            raise RuntimeError(f"worlds {first} to {first + CHUNK - 1} ended with {error[-2000:]}")
        found = [f"{' '.join(kind)} {line}" for line in lines if line.startswith("seed ")]
        return {"first": first, **json.loads(lines[-1]), "found": found}

    def end(self) -> None:
        """End what is played, and what is about to be."""
        self._is_over = True
        for process in tuple(self._playing):
            process.terminate()


def rows_of(done: Iterable[Done]) -> str:
    """Table of what was played, a row for each commit, the newest first."""
    whole = dict[str, list[Done]]()
    for chunk in done:
        whole.setdefault(chunk["commit"], []).append(chunk)
    return "".join(_row(commit, chunks) for commit, chunks in reversed(whole.items()))


def _row(commit: str, chunks: list[Done]) -> str:
    told = _sums(chunks)
    seeds = ", ".join(f"{first}-{last}" for first, last in _spans(chunks))
    rarest = _UNKNOWN if (tally := _shown(chunks)) is None else tally.rarest_fault
    figures = f"{told['events']:,} | {rarest} | {told['violations']:,}"
    return f"| {commit} | {told['seeds']:,} | {seeds} | {figures} |\n"


def _shown(chunks: Iterable[Done]) -> Tally | None:
    """What all of the chunks have shown; None where that of one was not kept."""
    tally = Tally()
    for chunk in chunks:
        if "shown" not in chunk:
            return None
        tally.see(chunk["shown"])
    return tally


def _spans(chunks: Iterable[Done]) -> list[tuple[int, int]]:
    """First and last seed of what was played without a gap."""
    spans = list[tuple[int, int]]()
    for first, last in sorted((one["first"], one["first"] + one["seeds"] - 1) for one in chunks):
        begun = spans.pop()[0] if spans and spans[-1][1] == first - 1 else first
        spans.append((begun, last))
    return spans


def _sums(chunks: list[Done]) -> dict[str, int]:
    return {name: sum(one[name] for one in chunks) for name in _SUMMED}


def write_page(page: Path, done: Iterable[Done]) -> None:
    """Replace the table of a page; rows of commits that this machine has not played stay."""
    before, _, rows = page.read_text().partition(_HEAD)
    new = rows_of(done)
    mine = {line.split(" | ")[0] for line in new.splitlines()}
    others = [line for line in rows.splitlines(keepends=True) if line.split(" | ")[0] not in mine]
    page.write_text(before + _HEAD + new + "".join(others))


def version() -> str:
    """Commit of the code that is here; what no commit names can't be told of."""
    changed = _git("status", "--porcelain", "--", *_CODE)
    if changed:
        sys.exit(f"soak: changed since the last commit: {' '.join(changed.split())}; commit it first")
    return _git("log", "-1", "--format=%h", "--abbrev=8", "--", *_CODE)


def _git(*arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=ROOT, text=True).strip()


def play_all(firsts: Iterable[int], n_workers: int, write: Callable[[Done], None], only: str = "") -> int:
    """Play chunks and write each down as soon as it is done; how many could not be played."""
    player, pool, n_broken = Player(only), ThreadPoolExecutor(n_workers), 0
    try:
        left = {pool.submit(player.play, first) for first in firsts}
        while left:  # a signal that comes just before a wait without an end is not seen in it
            done, left = wait(left, _HEARS_SECONDS, FIRST_COMPLETED)
            n_broken += sum(not _is_written(chunk, write) for chunk in done)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        player.end()
    return n_broken


def _is_written(chunk: "Future[Done]", write: Callable[[Done], None]) -> bool:
    try:
        write(chunk.result())
    except RuntimeError as error:
        print(f"soak: {error}", file=sys.stderr, flush=True)
        return False
    return True


def main(arguments: list[str]) -> int:
    """Play what is not done yet; 1 if any world violates an invariant, or could not be played."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__.partition(";")[0])
    parser.add_argument("--seeds", type=int, default=10_000, help="how many worlds")
    parser.add_argument("--first", type=int, default=1, help="the first one's seed")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="how many processes play")
    parser.add_argument(
        "--only", default="", help="faults of the worlds, as `python -m tests.faults` takes them"
    )
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    commit = version()
    done: list[Done] = [json.loads(line) for line in DONE.read_text().splitlines()] if DONE.exists() else []
    known = {one["first"] for one in done if (one["commit"], one.get("only", "")) == (commit, chosen.only)}

    def write(chunk: Done) -> None:
        if version() != commit:
            sys.exit(f"soak: the code was {commit} and is {version()}; begin again")
        done.append({"commit": commit, "only": chosen.only, **chunk})
        with DONE.open("a") as log:
            log.write(json.dumps(done[-1]) + "\n")
        write_page(PAGE, done)
        print("".join(f"{line}\n" for line in chunk["found"]), end="", flush=True)

    firsts = range(chosen.first, chosen.first + chosen.seeds, CHUNK)
    left = [first for first in firsts if first not in known]
    n_broken = play_all(left, chosen.workers, write, chosen.only)
    mine = [one for one in done if one["commit"] == commit]
    if (tally := _shown(mine)) is not None:
        print("\n".join(tally.coverage()))
    told = _sums(mine)
    print(json.dumps({"commit": commit, **told, "broken": n_broken}))
    return int(told["violations"] > 0 or n_broken > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
