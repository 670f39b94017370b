"""The record of updates outlives the process, and says what a crash left open."""

import json
from pathlib import Path

import pytest

from quant_pipelines.telegram.taken import Begun, TakenUpdates


def test_what_was_begun_and_not_ended_is_known_after_a_crash(tmp_path: Path) -> None:
    file = tmp_path / "telegram.json"
    first = TakenUpdates(file)
    assert not first.was_known
    first.note_begin(5, Begun(7, "/status"))
    first.note_end()
    first.note_begin(6, Begun(7, "/confirm"))
    after = TakenUpdates(file)
    assert after.was_known
    assert after.unfinished == [Begun(7, "/confirm")]
    assert 5 in after
    assert 6 in after
    assert 7 not in after
    assert file.stat().st_mode & 0o077 == 0


def test_the_record_does_not_grow(tmp_path: Path) -> None:
    file = tmp_path / "telegram.json"
    taken = TakenUpdates(file)
    for number in range(205):
        taken.note_begin(number, Begun(7, "/status"))
    assert len(json.loads(file.read_text())["taken"]) == 200
    assert 204 in TakenUpdates(file)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"taken": 5}', '{"taken": [], "unfinished": 5}'])
def test_a_broken_record_counts_as_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "telegram.json"
    file.write_text(text)
    assert not TakenUpdates(file).was_known


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    taken = TakenUpdates(tmp_path / "gone" / "telegram.json")
    with pytest.raises(OSError, match="No such file"):
        taken.note_begin(5, Begun(7, "/status"))
