"""What a long run writes down, a row for each commit; and that nothing of it plays on behind its end."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.faults.__main__ import STRATEGIES
from tests.faults.soak import CHUNK, KINDS, PAGE, ROOT, write_page
from tests.faults.table import FAULTS

SHOWN = {"faults": dict.fromkeys(FAULTS, 30) | {"limited": 20}, "moves": {}, "trips": {}}
DONE = {"commit": "aaaa", "first": 1, "seeds": 50, "events": 1500, "violations": 0, "shown": SHOWN}
ENDLESS = """
import signal, sys
from tests.faults import soak
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
print("begun", flush=True)
soak.play_all(range(1, 10_001, soak.CHUNK), 1, print)
"""


def test_a_page_has_a_row_for_each_commit_and_keeps_those_of_others(tmp_path: Path) -> None:
    page = tmp_path / "faults.md"
    page.write_text(PAGE.read_text())
    write_page(page, [DONE, {**DONE, "commit": "bbbb"}])
    write_page(page, [{**DONE, "commit": "bbbb"}, {**DONE, "commit": "bbbb", "first": 51}])
    rows = [line for line in page.read_text().splitlines() if line.startswith(("| aaaa", "| bbbb"))]
    assert rows == [
        "| bbbb | 100 | 1-100 | 3,000 | `limited` 40 | 0 |",
        "| aaaa | 50 | 1-50 | 1,500 | `limited` 20 | 0 |",
    ]


def test_a_row_names_only_seeds_that_were_played(tmp_path: Path) -> None:
    page = tmp_path / "faults.md"
    page.write_text(PAGE.read_text())
    write_page(page, [{**DONE, "first": first} for first in (201, 1, 51)])
    assert "| aaaa | 150 | 1-100, 201-250 | 4,500 | `limited` 60 | 0 |" in page.read_text()


def test_a_row_of_which_nobody_kept_what_happened_says_so(tmp_path: Path) -> None:
    page = tmp_path / "faults.md"
    page.write_text(PAGE.read_text())
    write_page(page, [DONE, {name: value for name, value in DONE.items() if name != "shown"} | {"first": 51}])
    assert "| aaaa | 100 | 1-100 | 3,000 | not kept | 0 |" in page.read_text()


def test_a_run_plays_every_kind_of_world() -> None:
    told = [KINDS[first // CHUNK % len(KINDS)] for first in range(1, 1 + len(KINDS) * CHUNK, CHUNK)]
    assert {kind[1] for kind in told} == set(STRATEGIES)
    assert {kind[3] for kind in told if kind[1] == "target"} == {"1", "2", "3"}


def test_the_page_of_this_repository_has_a_table() -> None:
    assert "| commit | worlds |" in PAGE.read_text()


def test_a_run_that_is_ended_ends_its_worlds_too() -> None:
    command = [sys.executable, "-c", ENDLESS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as soak:
        assert soak.stdout is not None
        assert soak.stdout.readline() == "begun\n"
        while not (playing := _children_of(soak.pid)):
            assert soak.poll() is None
        soak.send_signal(signal.SIGTERM)
        assert soak.wait(30) == 128 + signal.SIGTERM
    assert not any(Path(f"/proc/{one}").exists() for one in playing)


def _children_of(process: int) -> list[str]:
    """Processes that any thread of a process has started."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [one for task in tasks for one in (task / "children").read_text().split()]
