"""Every command of the pages that operators follow is one that the command line understands."""

import re
import shlex
from pathlib import Path

import pytest

from quant_pipelines.cli.__main__ import build_parser

DOCS = Path(__file__).resolve().parents[3] / "docs"


def commands(name: str) -> list[str]:
    return re.findall(r"^ {4,}(quant .+)$", (DOCS / name).read_text(), re.MULTILINE)


PAGES = ("operating.md", "runbook.md", "files.md")
COMMANDS = [command for page in PAGES for command in commands(page)]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_of_a_page_is_understood(command: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == "quant"
    assert callable(build_parser().parse_args(arguments).run)


def test_page_names_every_operators_verb() -> None:
    verbs = {command.split()[1] for command in commands("operating.md")}
    expected = {"approve", "reject", "promote", "rollback", "disable", "limit", "runner", "explain", "audit"}
    assert expected <= verbs


@pytest.mark.parametrize("page", PAGES)
def test_page_has_commands(page: str) -> None:
    assert commands(page)
