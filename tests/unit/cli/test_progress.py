"""Progress is for people at a terminal, and leaves nothing behind."""

import argparse
import io
import sys
from threading import Event

import pytest

from quant_pipelines.cli.progress import ProgressLine, is_wanted, kept_up, waiting


class Terminal(io.StringIO):
    """Stream that says it is a terminal, and tells when something was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        count = super().write(text)
        self.written.set()
        return count


def test_bar_shows_steps_and_share() -> None:
    progress = ProgressLine("walk-forward", 4)
    progress.advance(3)
    assert progress.text().startswith("walk-forward [##################......] 3/4 0 s")


def test_unknown_length_tells_the_time_alone() -> None:
    assert ProgressLine("backup").text() == "backup 0 s"


def test_long_work_is_shown_and_wiped_at_its_end() -> None:
    terminal = Terminal()
    progress = ProgressLine("import", 2, terminal)
    with kept_up(progress, after_seconds=0.0):
        assert terminal.written.wait(60)
    assert "\r\x1b[Kimport [" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_short_work_leaves_no_trace() -> None:
    terminal = Terminal()
    with kept_up(ProgressLine("import", 2, terminal), after_seconds=3600.0):
        pass
    assert terminal.getvalue() == ""


def test_line_of_the_answer_replaces_the_progress(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    progress = ProgressLine("import", 2, terminal)
    progress.show()
    progress.say("a.csv: 3 rows")
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert capsys.readouterr().out == "a.csv: 3 rows\n"


def test_nobody_is_told_in_ci_or_with_json_or_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert is_wanted(Terminal(), is_json=False)
    assert not is_wanted(Terminal(), is_json=True)
    assert not is_wanted(io.StringIO(), is_json=False)
    monkeypatch.setenv("CI", "1")
    assert not is_wanted(Terminal(), is_json=False)


def test_json_keeps_stderr_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with waiting("backtest", argparse.Namespace(json=True), total=1) as progress:
        progress.show()
    assert terminal.getvalue() == ""
