"""What operators are told while the stack is stopped: one sentence, at once, that says what to start."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.stack.home import open_home
from quant_pipelines.stack.ports import choose_ports, free_port

Quant = Callable[..., tuple[int, Any, str]]
SIGNED = ("--operator", "ann", "--reason", "because")
WITHOUT = "without it work 'quant kill --direct' and 'quant doctor'\n"
VERBS = (
    ("approve", "12", *SIGNED),
    ("approve", "BTC/USDT:USDT", *SIGNED),
    ("reject", "12", *SIGNED),
    ("promote", "3", "canary", *SIGNED),
    ("rollback", "3", *SIGNED),
    ("disable", "3", *SIGNED),
    ("limit", "account", "max_leverage", "1", *SIGNED),
    ("runner", "status"),
    ("runner", "halt", *SIGNED),
    ("runner", "resume", *SIGNED),
    ("runner", "flatten", *SIGNED),
    ("alerts",),
    ("alerts", "ack", "1", *SIGNED),
    ("users", "list"),
    ("users", "add", "ann", *SIGNED),
    ("keys", "list"),
    ("audit", "verify"),
    ("explain", "q1-1-a-t"),
    ("history", "3"),
    ("data", "costs"),
    ("capital",),
    ("capital", "--look"),
    ("parity",),
)


@pytest.fixture
def stopped(empty_surroundings: Path) -> Path:
    """Home whose stack has run once: a password and ports are there, and nobody listens."""
    folder = empty_surroundings / "home"
    home = open_home(folder)
    (folder / "postgres").mkdir()
    (folder / "postgres" / "password").write_text("secret")
    choose_ports(home.ports_file, free_port())
    return folder


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_verb_says_what_to_start_and_what_works_without(
    stopped: Path, quant: Quant, verb: tuple[str, ...]
) -> None:
    begun = time.monotonic()
    code, document, err = quant(*verb, "--json")
    assert (code, document) == (1, None)
    assert err == f"quant: home '{stopped}' is stopped, its database too; start 'quant up'; {WITHOUT}"
    assert time.monotonic() - begun < 10.0


def test_status_says_so_too(stopped: Path, quant: Quant) -> None:
    code, document, err = quant("status", "--json")
    assert (code, document["running"]) == (1, False)
    assert err == f"quant: nothing runs on home '{stopped}'; start it with 'quant up'; {WITHOUT}"


def test_a_backtest_is_told_of_the_archive(stopped: Path, quant: Quant) -> None:
    _, _, err = quant("backtest", "ema_cross", "BTC/USDT:USDT", "--json")
    assert "; start 'quant up', or give a folder with --archive; " in err


def test_a_database_of_ones_own_that_is_away_is_named_without_its_password(
    quant: Quant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", "postgresql://quant:secret@127.0.0.1:1/quant")
    code, _, err = quant("runner", "halt", *SIGNED, "--json")
    assert code == 1
    assert "quant:***@127.0.0.1:1/quant does not answer: " in err
    assert err.endswith(f"; {WITHOUT}")
    assert err.count("\n") == 1
