"""A disk that is full: PostgreSQL's, in its tables and in its log, and the runner's own.

    python -m tests.processes.disk --rounds 2

The disks are small tmpfs of their own, which only root can mount; without that right nothing is shown, and
the last line says so.
"""

import argparse
import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from tests.integration.runner.world import rows
from tests.processes.outcome import Round, finish, told
from tests.processes.postgres import Fault, play, strike
from tests.processes.server import Server
from tests.processes.stage import Stage, staged
from tests.processes.waiting import trade_until

_DATABASE_MEGABYTES = 320
_RUNNER_MEGABYTES = 1
_FILLER = "filler"
_PIECE = bytes(1 << 16)


def can_mount() -> bool:
    """Whether this process may mount a disk of its own."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder), 1):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Mount a disk of so many megabytes on a folder that is there."""
    owner, mode = folder.stat(), folder.stat().st_mode & 0o777
    options = f"size={megabytes}m,mode={mode:o},uid={owner.st_uid},gid={owner.st_gid}"
    subprocess.run(("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder), check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(("umount", "-l", folder), check=True, capture_output=True)


@contextmanager
def on_small_disk(server: Server, megabytes: int) -> Iterator[None]:
    """Move a server's data to a small disk; it is started there, and ended behind the block."""
    server.send(signal.SIGINT)
    server.wait()
    data = server.embedded.place().data
    before = data.with_name("data-before")
    data.rename(before)
    data.mkdir(mode=0o700)
    os.chown(data, before.stat().st_uid, before.stat().st_gid)
    with small_disk(data, megabytes):
        subprocess.run(("cp", "-a", f"{before}/.", data), check=True)
        shutil.rmtree(before)
        server.start()
        try:
            yield
        finally:
            server.send(signal.SIGQUIT)
            server.wait()


def fill(folder: Path) -> None:
    """Leave no byte free."""
    with (folder / _FILLER).open("ab", buffering=0) as file:
        size = len(_PIECE)
        while size:
            try:
                file.write(_PIECE[:size])
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2


def _fill_tables(stage: Stage) -> None:
    fill(stage.server.embedded.place().data)


def _fill_log(stage: Stage) -> None:
    """Also use up what is left of the log's file: the next record needs a new one, and can't be written."""
    fill(stage.server.embedded.place().data)
    with contextlib.suppress(DBAPIError):
        for _ in range(4):
            rows(stage.engine, "select pg_switch_wal(), pg_logical_emit_message(false, 'full', 'disk')")


def _free(stage: Stage) -> None:
    (stage.server.embedded.place().data / _FILLER).unlink()
    if not stage.server.is_up:
        stage.server.start()


FAULTS = (
    Fault("disk of the tables full", _fill_tables, _free, 8.0, may_open=True),
    Fault("disk of the log full", _fill_log, _free, 8.0, is_told=True),
)


def play_own(stage: Stage, n_rounds: int) -> list[Round]:
    """Let a runner trade, and start, where nothing can be written: neither log nor pulse nor its home."""
    disk = stage.home / "disk"
    disk.mkdir()
    stage.logs, stage.more = disk, {"QUANT_HOME": str(disk), "TMPDIR": str(disk)}
    rounds = list[Round]()
    with small_disk(disk, _RUNNER_MEGABYTES):
        runner = stage.start()
        trade_until(stage, stage.is_holding)
        for _ in range(n_rounds):
            fill(disk)
            rounds.append(strike(stage, Fault("the runner's own disk full", lambda _stage: None)))
            rounds[-1].say()
            stage.end(runner)
            runner = stage.start()
            rounds.append(strike(stage, Fault("started on a full disk", lambda _stage: None)))
            rounds[-1].say()
            (disk / _FILLER).unlink()
        stage.end(runner)
    return rounds


def _played(folder: Path, play: Callable[[Stage], dict[str, object]]) -> dict[str, object]:
    with staged(folder) as stage:
        try:
            return play(stage)
        except BaseException:
            with contextlib.suppress(OSError):
                sys.stderr.write(stage.explain())
            raise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    if not can_mount():
        finish({"rounds": 0, "violations": ["no disk can be mounted here; expected root's rights"]})

    def on_full_disk(stage: Stage) -> dict[str, object]:
        with on_small_disk(stage.server, _DATABASE_MEGABYTES):
            return told(stage, play(stage, FAULTS * chosen.rounds))

    with tempfile.TemporaryDirectory() as folder:
        database = _played(Path(folder) / "database", on_full_disk)
        own = _played(Path(folder) / "own", lambda stage: told(stage, play_own(stage, chosen.rounds)))
    violations = [*database.pop("violations"), *own.pop("violations")]  # type: ignore[misc]
    finish({"database": database, "own": own, "violations": violations})


if __name__ == "__main__":
    main()
