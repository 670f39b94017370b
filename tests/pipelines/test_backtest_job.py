"""What the job of a backtest asks the command line for, and what it never passes on."""

from typing import Any

import dagster as dg
import pytest

from jobs.backtest import BacktestAsked, arguments_of, backtest
from quant_pipelines.cli.__main__ import main
from quant_pipelines.operations.search_verbs import BACKTEST

ASKED: dict[str, Any] = {"strategy": "ema_cross", "symbols": ["BTC/USDT:USDT"]}


def test_what_is_asked_are_arguments_of_the_command() -> None:
    asked = BacktestAsked(**ASKED, start="2024-01-01", parameters=["fast=12"], has_stops=False, capital=500.0)
    told = arguments_of(asked)
    assert told[:4] == ["backtest", "ema_cross", "BTC/USDT:USDT", "--json"]
    assert {"--start=2024-01-01", "--set=fast=12", "--stops=off", "--funding=on", "--capital=500.0"} <= {
        *told
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strategy", "../../etc/passwd"),
        ("strategy", "/home/x.py"),
        ("symbols", ["--home=/x"]),
        ("symbols", []),
        ("parameters", ["--report=x.html"]),
        ("start", "--trades=x.csv"),
    ],
)
def test_paths_and_options_are_never_passed_on(name: str, value: Any) -> None:
    with pytest.raises(dg.Failure, match="expected"):
        arguments_of(BacktestAsked(**ASKED | {name: value}))


def test_the_form_and_the_op_ask_for_the_same() -> None:
    fields = {field.name for field in BACKTEST.form}
    assert fields | {"reason"} == set(BacktestAsked.model_fields)
    assert backtest.name == BACKTEST.job
    assert [node.name for node in backtest.nodes] == [BACKTEST.op]
    given = {field.name: field.default for field in BACKTEST.form} | ASKED | {"reason": "a look"}
    config = {"ops": {BACKTEST.op: {"config": {**given, "parameters": []}}}}
    assert dg.validate_run_config(backtest, config)


def test_the_command_reads_what_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*arguments_of(BacktestAsked(**ASKED)), "--help"])
    assert ended.value.code == 0
    assert "usage: quant backtest" in capsys.readouterr().out
