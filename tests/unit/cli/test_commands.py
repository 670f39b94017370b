"""The command line as scripts use it: documents, exit codes, one sentence for what is refused."""

import csv
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.cli.__main__ import main
from quant_pipelines.metrics import MEASURES

Quant = Callable[..., tuple[int, Any, str]]
BTC = "BTC/USDT:USDT"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from quant_pipelines.cli.__main__ import build_parser; build_parser().format_help(); "
        "print(sorted({'numpy', 'numba', 'sqlalchemy', 'pydantic', 'dagster', 'ccxt'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["backtest", "ema_cross"],
        ["backtest", "ema_cross", BTC, "--timeframe", "2h"],
        ["backtest", "ema_cross", BTC, "--set", "fast"],
        ["backtest", "ema_cross", BTC, "--start", "yesterday"],
        ["backtest", "ema_cross", BTC, "--compare", ":fast=3"],
        ["strategy", "fly"],
        ["parity", "yesterday"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: quant" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["kill", "--reason", "gone"], "--direct"),
        (["runner", "halt"], "--reason"),
        (["users", "add", "ann"], "--reason"),
        (["users", "disable", "--reason", "left"], "the name of a user"),
        (["alerts", "ack", "--reason", "seen"], "an id that quant alerts lists"),
    ],
)
def test_what_is_missing_ends_with_2_wherever_it_is_found_out(
    arguments: list[str], missing: str, quant: Quant
) -> None:
    code, document, err = quant(*arguments)
    assert (code, document) == (2, None)
    assert err.startswith("quant: ")
    assert missing in err
    assert err.count("\n") == 1


def test_strategy_list_shows_the_declared_parameters(quant: Quant) -> None:
    code, document, _ = quant("strategy", "list", "--json")
    by_name = {strategy["name"]: strategy for strategy in document["strategies"]}
    assert code == 0
    assert by_name["ema_cross"]["parameters"]["fast"]["kind"] == "int"
    assert document["broken"] == []


def test_strategy_list_reports_a_broken_file_beside_the_others(quant: Quant, tmp_path: Path) -> None:
    folder = tmp_path / "strategies"
    folder.mkdir()
    (folder / "broken.py").write_text("class Broken(:\n")
    code, document, _ = quant("strategy", "list", "--json")
    assert code == 0
    assert [(item["name"], "syntax error in line 1" in item["error"]) for item in document["broken"]] == [
        ("broken", True)
    ]


def test_doctor_passes_on_a_machine_where_nothing_was_started(quant: Quant) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code, document, err = quant("doctor", "--json", "--port", str(port))
    assert (code, document["passed"], err) == (0, True, "")


def test_doctor_names_a_taken_port_and_its_mend(quant: Quant) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, document, err = quant("doctor", "--json", "--port", str(port))
    finding = next(check for check in document["checks"] if check["name"] == "port")
    assert (code, finding["passed"], finding["detail"]) == (1, False, f"{port} is taken by another program")
    assert finding["mend"]
    assert "checks failed: port" in err


def test_status_of_a_stack_that_does_not_run_is_a_document_and_1(quant: Quant) -> None:
    code, document, err = quant("status", "--json")
    assert code == 1
    assert document["running"] is False
    assert {"services", "deployments", "fills", "equity", "trading_state", "last_runs"} <= set(document)
    assert "start it with 'quant up'" in err


def test_backtest_document_has_metrics_trades_and_equity(quant: Quant, small_archive: Path) -> None:
    code, document, _ = quant(
        "backtest", "ema_cross", BTC, "--archive", small_archive, "--set", "fast=10", "--json"
    )
    assert code == 0
    assert document["parameters"]["fast"] == 10
    assert document["bars"] == 60 * 24
    assert document["metrics"]["n_trades"] == len(document["trades"]) > 0
    assert {"entry_time", "exit_time", "side", "quantity", "pnl", "exit_reason"} <= set(document["trades"][0])


def test_backtest_fees_lower_the_final_equity(quant: Quant, small_archive: Path) -> None:
    base = ("backtest", "ema_cross", BTC, "--archive", small_archive, "--json", "--fee-bps")
    free, dear = (quant(*base, fee)[1]["final_equity"] for fee in ("0", "20"))
    assert dear < free


def test_backtest_start_leaves_earlier_bars_to_the_warm_up(quant: Quant, small_archive: Path) -> None:
    _, document, _ = quant(
        "backtest", "ema_cross", BTC, "--archive", small_archive, "--start", "2023-12-01", "--json"
    )
    assert document["start"] == "2023-12-01"


def test_backtest_writes_trades_and_report(quant: Quant, small_archive: Path, tmp_path: Path) -> None:
    trades, report = tmp_path / "trades.csv", tmp_path / "report.html"
    _, document, _ = quant(
        "backtest",
        "ema_cross",
        BTC,
        "--archive",
        small_archive,
        "--trades",
        trades,
        "--report",
        report,
        "--json",
    )
    with trades.open() as file:
        assert len(list(csv.DictReader(file))) == len(document["trades"])
    assert "<svg" in report.read_text()


def test_backtest_document_has_every_measure_and_why_one_is_not_defined(
    quant: Quant, small_archive: Path
) -> None:
    _, document, _ = quant("backtest", "ema_cross", BTC, "--archive", small_archive, "--json")
    assert set(document["metrics"]) == set(MEASURES)
    undefined = [name for name, value in document["metrics"].items() if value is None]
    assert undefined == list(document["undefined"])
    assert document["holding"]["total_return"] != document["metrics"]["total_return"]


def test_backtest_compares_strategies_on_the_same_bars(
    quant: Quant, small_archive: Path, tmp_path: Path
) -> None:
    report = tmp_path / "compared.html"
    _, document, _ = quant(
        *("backtest", "ema_cross", BTC, "--archive", small_archive, "--json", "--report", report),
        *("--compare", "bollinger_reversion", "--compare", "ema_cross:fast=10,slow=100"),
    )
    compared = document["compared"]
    assert [other["strategy"] for other in compared] == ["bollinger_reversion", "ema_cross"]
    assert compared[1]["parameters"]["slow"] == 100
    assert {other["bars"] for other in compared} == {document["bars"]}
    assert "Comparison of 3 backtests" in report.read_text()


def test_backtest_compared_with_a_strategy_that_is_not_there_is_one_sentence(
    quant: Quant, small_archive: Path
) -> None:
    code, _, err = quant(
        "backtest", "ema_cross", BTC, "--archive", small_archive, "--json", "--compare", "ema_crss"
    )
    assert code == 1
    assert "did you mean 'ema_cross'?" in err


def test_optimize_document_has_parameters_samples_and_gates(quant: Quant, small_archive: Path) -> None:
    code, document, _ = quant(
        *("optimize", "ema_cross", BTC, "--archive", small_archive, "--folds", "2", "--trials", "8"),
        *("--searcher", "grid", "--json"),
    )
    assert code == 0
    assert {"fast", "slow"} <= set(document["parameters"])
    assert {"name", "value", "threshold", "passed", "gate"} <= set(document["gates"][0])
    assert document["in_sample"]
    assert document["out_of_sample"]
    assert (document["searcher"], document["trials"]) == ("grid", document["in_sample"]["own_trials"])


def test_optimize_says_what_was_decided_on_capital_and_by_which_rule(
    quant: Quant, small_archive: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ("optimize", "ema_cross", BTC, "--archive", small_archive, "--folds", "1", "--trials", "8")
    capital = quant(*arguments, "--json")[1]["capital"]
    assert (capital["decision"], capital["decided_by"], capital["tests"]) == ("undecided", "too_short", 1)
    assert capital["more_days"] is None
    assert capital["fewest_more_days"] > 0
    assert main([str(argument) for argument in arguments]) == 0
    told = f"capital not yet decidable: {capital['fewest_more_days']} more days at the least"
    assert told in capfd.readouterr().out


def test_optimize_same_seed_gives_the_same_verdict(quant: Quant, small_archive: Path) -> None:
    arguments = ("optimize", "ema_cross", BTC, "--archive", small_archive, "--folds", "1", "--trials", "8")
    first, second = (quant(*arguments, "--searcher", "ga", "--seed", "5", "--json")[1] for _ in range(2))
    assert first.pop("cpu_seconds") > 0.0
    assert second.pop("cpu_seconds") > 0.0
    assert first == second


def test_settings_are_shown_with_their_meaning_and_without_a_password(
    quant: Quant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", "postgresql://quant:secret@localhost:5432/quant")
    code, document, _ = quant("settings", "show", "--json")
    assert code == 0
    assert document["settings"]["database_url"] == "postgresql://quant:***@localhost:5432/quant"
    described = quant("settings", "show", "--describe", "--json")[1]["settings"]
    by_name = {row["name"]: row for row in described}
    assert by_name["triggers.max_drawdown"]["default"] == 0.1
    assert by_name["triggers.max_drawdown"]["range"] == "a value in [0, 1]"
    assert by_name["triggers.max_drawdown"]["meaning"]


def test_operators_verb_without_a_database_says_so(quant: Quant) -> None:
    code, _, err = quant("runner", "status", "--json")
    assert code == 1
    assert "has no database yet; start 'quant up'" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["backtest", "ema_cross"],
        ["optimize", "ema_cross"],
        ["data", "check"],
        ["data", "coverage"],
        ["data", "costs"],
        ["data", "repair"],
        ["data", "import", "file.csv", "--timeframe", "1h", "--symbol"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
@pytest.mark.parametrize(
    ("symbol", "sentence"),
    [
        ("/", "symbol '/' is not in ccxt's form; expected a symbol such as BTC/USDT:USDT"),
        ("btc/usdt:usdt", "symbol 'btc/usdt:usdt' is not in ccxt's form; did you mean 'BTC/USDT:USDT'?"),
        ("BTC/USDT:USDT-260626", "symbol 'BTC/USDT:USDT-260626' is a dated contract, which is not supported"),
        ("BTC/USD:BTC", "symbol 'BTC/USD:BTC' is a coin-margined (inverse) contract, which is not supported"),
    ],
)
def test_symbol_that_is_not_traded_is_one_sentence_everywhere(
    arguments: list[str], symbol: str, sentence: str, quant: Quant
) -> None:
    code, _, err = quant(*arguments, symbol)
    assert code == 1
    assert err.startswith(f"quant: {sentence}")
    assert err.count("\n") == 1


def test_import_under_an_unknown_exchange_is_refused(quant: Quant) -> None:
    code, _, err = quant("data", "import", "file.csv", "--exchange", "nosuch")
    assert (code, err[:45]) == (1, "quant: unknown exchange id 'nosuch'; known: b")
