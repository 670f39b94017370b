"""What an assistant may have backtested: strategies of the library, by name; no file is read or written."""

from typing import Any

import pytest

from quant_pipelines.assistants.backtest_tool import BACKTEST_SCHEMA, asked_backtest
from quant_pipelines.cli.__main__ import build_parser
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.operations.backtest_command import backtest_arguments

ASKED: dict[str, Any] = {
    "strategy": "ema_cross",
    "symbols": ["BTC/USDT:USDT", "SOL/USDT:USDT"],
    "timeframe": "1h",
    "start": "2024-01-01",
    "end": "2024-02-01",
    "parameters": {"fast": 12, "mode": "ema", "limit": -0.5},
}


def arguments(asked: dict[str, Any]) -> list[str]:
    return backtest_arguments(asked_backtest(asked))


def test_what_is_asked_is_a_command_that_the_command_line_understands() -> None:
    found = build_parser().parse_args(arguments(ASKED))
    assert (found.strategy, found.symbols, found.json) == ("ema_cross", ASKED["symbols"], True)
    assert dict(found.set) == {"fast": "12", "mode": "ema", "limit": "-0.5"}
    assert set(ASKED) == set(BACKTEST_SCHEMA["properties"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strategy", "./mine.py"),
        ("strategy", "mine.py"),
        ("strategy", "--report"),
        ("strategy", 7),
        ("symbols", ["--archive=elsewhere"]),
        ("symbols", "BTC/USDT:USDT"),
        ("timeframe", "1h --report x"),
        ("start", "-1"),
        ("parameters", {"fast": "1 --trades x.csv"}),
        ("parameters", {"--report": 1}),
        ("parameters", ["fast=1"]),
    ],
)
def test_what_could_be_an_option_or_a_file_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r" is .*; expected "):
        arguments(ASKED | {name: value})


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (ASKED | {"report": "x"}, "backtest has no argument 'report'; expected one of strategy, symbols"),
        ({"strategy": "ema_cross"}, "backtest needs symbols; expected one or more"),
        (ASKED | {"symbols": []}, "symbols is empty; expected one or more"),
        (ASKED | {"symbols": ["BTC/USDT:USDT"] * 21}, "symbols has 21; expected at most 20"),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_one_sentence(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        arguments(asked)
    assert str(refused.value).startswith(told)
