"""The command line to the letter: help of every verb, what it accepts, what it says to wrong usage.

The files under ``pins`` are the public surface. Whoever changes it on purpose writes them again:
``python -P tests/unit/cli/test_surface.py``.
"""

import argparse
import contextlib
import importlib
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.cli.__main__ import build_parser, main
from quant_pipelines.operations.verb import Verb
from quant_pipelines.operations.verbs import VERBS

PINS = Path(__file__).with_name("pins")
WRONG = (
    "disable x",
    "disable deployment:x",
    "promote 3 rolled_back --reason r",
    "promote deployment:3 paper",
    "rollback 3",
    "reject x --reason r",
    "approve --reason r",
    "limit everybody max_leverage 2 --reason r",
    "limit account max_leverage much --reason r",
    "limit strategy:ema_cross max_leverage",
    "limit accoun max_leverage 2 --reason r",
    "limit strateg:ema_cross max_leverage 2 --reason r",
    "limit strategy: max_leverage 2 --reason r",
    "limit account:x max_leverage 2 --reason r",
    "runner halt deploymnt:3",
    "runner resum",
    "runer status",
    "promote 3 canari --reason r",
    "runner sleep",
    "runner halt everybody",
    "keys sell",
    "db drop",
    "data fly",
    "data import f.csv --contract-size=0",
    "data import f.csv --contract-size=-0",
    "explain BTC/USDT:USDT@noon",
    "settings hide",
    "audit burn",
    "pnl everybody",
    "pnl --from soon",
    "statement last --out d",
    "statement 2026",
)


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Parser of the command line and of each verb and action below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from parsers(child)


def help_texts() -> str:
    """Help of all of them, 110 columns wide."""
    return "\n".join(f"== {parser.prog} ==\n{parser.format_help()}" for parser in parsers(build_parser()))


def accepted() -> str:
    """Arguments of each of them, in the order in which they are declared; one in a line."""
    rows = [(parser.prog, one) for parser in parsers(build_parser()) for one in parser._actions]
    return "".join(f"{program}: {json.dumps(described(one))}\n" for program, one in rows)


def described(action: argparse.Action) -> dict[str, Any]:
    choices = None if action.choices is None else list(action.choices)
    is_flag = action.nargs == 0
    return {
        "options": action.option_strings,
        "metavar": action.metavar,
        "nargs": action.nargs,
        "default": None if is_flag else str(action.default),
        "choices": choices,
        "required": action.required,
        "help": action.help,
    }


def refusals() -> dict[str, str]:
    """What stands on stderr after each wrong usage."""
    return {line: refusal(line) for line in WRONG}


def refusal(line: str) -> str:
    told = io.StringIO()
    with contextlib.redirect_stderr(told), pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    return told.getvalue().splitlines()[-1]


@pytest.fixture(autouse=True)
def one_width_and_one_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "112")
    monkeypatch.setenv("LOGNAME", "USER")


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="each Python lays help out in its own way")
def test_help_of_every_verb_is_the_pinned_text() -> None:
    assert help_texts() == (PINS / "help.txt").read_text()


def test_every_verb_accepts_the_pinned_arguments() -> None:
    assert accepted() == (PINS / "arguments.txt").read_text()


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="each Python words its refusals in its own way")
def test_wrong_usage_is_answered_with_the_pinned_sentence() -> None:
    assert refusals() == json.loads((PINS / "refusals.json").read_text())


@pytest.mark.parametrize("head", VERBS, ids=lambda verb: verb.name)
def test_a_verb_without_a_function_has_a_module_that_declares_nothing_of_what_its_row_says(
    head: Verb,
) -> None:
    actions = [] if not head.kinds or head.kinds[0].function else head.kinds
    for row, name in [(one, f"{head.name}_{one.name}") for one in actions] or [(head, head.name)]:
        if not row.function:
            module = importlib.import_module(f"quant_pipelines.cli.{row.module or name}")
            assert callable(module.run)
            assert hasattr(module, "add_arguments") == row.has_own_arguments
            assert not (row.fields and row.has_own_arguments)


if __name__ == "__main__":
    os.environ |= {"COLUMNS": "112", "LOGNAME": "USER"}
    (PINS / "help.txt").write_text(help_texts())
    (PINS / "arguments.txt").write_text(accepted())
    (PINS / "refusals.json").write_text(json.dumps(refusals(), indent=1) + "\n")
