"""Logs that grow are turned over while their service goes on writing."""

import sys
import time
from pathlib import Path

import pytest

from quant_pipelines.core.telemetry_settings import LogSettings
from quant_pipelines.stack.log_files import turn_over, turned_over
from quant_pipelines.stack.process import Command, start

SMALL = LogSettings(file_megabytes=0.01, files=2)


def test_a_service_goes_on_in_the_emptied_log_and_so_many_copies_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "runner.log"
    script = (
        "import time\n"
        "for number in range(4):\n"
        "    print(str(number) * 12_000, flush=True)\n"
        "    time.sleep(0.4)\n"
    )
    child = start(Command("runner", (sys.executable, "-c", script), log))
    turned = 0
    while child.poll() is None:
        turned += log.exists() and turn_over(log, SMALL)
        time.sleep(0.02)
    turn_over(log, SMALL)
    texts = [path.read_text() for path in (tmp_path / "runner.log.2", tmp_path / "runner.log.1")]
    assert [set(text.strip()) for text in texts] == [{"2"}, {"3"}]
    assert log.read_text() == ""
    assert turned >= 3
    assert not (tmp_path / "runner.log.3").exists()


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "runner.log"
    log.write_text("x" * 9_999)
    assert not turn_over(log, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["runner.log"]


def test_a_log_that_can_not_be_copied_stays_whole(tmp_path: Path) -> None:
    log = tmp_path / "runner.log"
    log.write_text("x" * 20_000)
    (tmp_path / "runner.log.1").mkdir()
    (tmp_path / "runner.log.2").mkdir()
    (tmp_path / "runner.log.2" / "in_the_way").touch()
    with pytest.raises(OSError, match=r"runner\.log"):
        turn_over(log, SMALL)
    assert log.read_text() == "x" * 20_000


def test_the_watch_ends_with_its_block(tmp_path: Path) -> None:
    told: list[str] = []
    begun = time.monotonic()
    with turned_over(tmp_path, SMALL, told.append):
        pass
    assert time.monotonic() - begun < 2
    assert told == []
