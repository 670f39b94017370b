"""Every command of the operators' page is one that the command line understands."""

import shlex
from pathlib import Path

import pytest

from quant_pipelines.cli.__main__ import build_parser

PAGE = Path(__file__).resolve().parents[3] / "docs" / "operating.md"
COMMANDS = [line.strip() for line in PAGE.read_text().splitlines() if line.startswith("    quant ")]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_of_the_page_is_understood(command: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == "quant"
    assert callable(build_parser().parse_args(arguments).run)


def test_page_names_every_operators_verb() -> None:
    verbs = {command.split()[1] for command in COMMANDS}
    expected = {"approve", "reject", "promote", "rollback", "disable", "limit", "runner", "explain", "audit"}
    assert expected <= verbs
