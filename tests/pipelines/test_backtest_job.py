"""What the job of a backtest asks the command line for, and what it never passes on."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.resources import Platform
from jobs.backtest import BacktestAsked, asked_of, backtest
from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.secret_variables import PRIVATE_VARIABLES
from quant_pipelines.core.settings import Settings
from quant_pipelines.definitions import build_definitions
from quant_pipelines.operations.backtest_command import (
    BacktestRefused,
    backtest_answer,
    backtest_arguments,
    backtest_process,
)
from quant_pipelines.operations.search_verbs import BACKTEST

ASKED: dict[str, Any] = {"strategy": "ema_cross", "symbols": ["BTC/USDT:USDT"]}


def arguments_of(config: BacktestAsked) -> list[str]:
    return backtest_arguments(asked_of(config))


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
    with pytest.raises(ConfigurationError, match="expected"):
        arguments_of(BacktestAsked(**ASKED | {name: value}))


def test_what_can_not_be_asked_fails_the_run_with_one_sentence(tmp_path: Path) -> None:
    platform = Platform(Settings(database_url="postgresql://nobody:x@127.0.0.1:1/none"))
    platform.home = tmp_path
    config = {"ops": {BACKTEST.op: {"config": ASKED | {"strategy": "../x"}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        job = build_definitions(platform).resolve_job_def("backtest")
        result = job.execute_in_process(config, instance=instance, raise_on_error=False)
    (failed,) = (event for event in result.all_events if event.is_step_failure)
    told = failed.step_failure_data.user_failure_data
    assert told is not None
    assert told.description == "strategy is '../x'; expected a name such as ema_cross"


def test_the_process_sees_no_secret_and_its_home(tmp_path: Path) -> None:
    variables = {"PATH": "/bin", **dict.fromkeys(PRIVATE_VARIABLES, "secret")}
    start = backtest_process(asked_of(BacktestAsked(**ASKED)), tmp_path, variables)
    assert start.environment == {"PATH": "/bin", "QUANT_HOME": str(tmp_path)}


def test_its_last_line_says_why_it_gave_no_result() -> None:
    with pytest.raises(BacktestRefused, match=r"^quant: no$"):
        backtest_answer(1, "", "reading bars\nquant: no\n")
    with pytest.raises(BacktestRefused, match="ended with code -9"):
        backtest_answer(-9, "", "")


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
