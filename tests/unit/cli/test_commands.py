"""The command line as scripts use it: documents, exit codes, one sentence for what is refused."""

import csv
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
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
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: quant" in capsys.readouterr().err


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


def test_optimize_same_seed_gives_the_same_verdict(quant: Quant, small_archive: Path) -> None:
    arguments = ("optimize", "ema_cross", BTC, "--archive", small_archive, "--folds", "1", "--trials", "8")
    first, second = (quant(*arguments, "--searcher", "ga", "--seed", "5", "--json")[1] for _ in range(2))
    assert first == second


HOURLY = ("--symbol", BTC, "--timeframe", "1h")
REFUSED = {
    "unknown strategy": (
        ["backtest", "ema_cros", BTC, "--archive", "{archive}"],
        "unknown strategy 'ema_cros'; did you mean 'ema_cross'?",
    ),
    "unknown symbol": (
        ["backtest", "ema_cross", "BTC/USDT:USD", "--archive", "{archive}"],
        "unknown symbol 'BTC/USDT:USD'; did you mean 'BTC/USDT:USDT'?",
    ),
    "parameter out of bounds": (
        ["backtest", "ema_cross", BTC, "--archive", "{archive}", "--set", "fast=1"],
        "EmaCross: parameter fast is '1'; expected a whole number from 5 to 120",
    ),
    "unknown parameter": (
        ["backtest", "ema_cross", BTC, "--archive", "{archive}", "--set", "fats=10"],
        "EmaCross: unknown parameter 'fats'; did you mean 'fast'?",
    ),
    "syntax error": (
        ["backtest", "{broken}", BTC, "--archive", "{archive}"],
        "strategy broken: syntax error in line 1",
    ),
    "missing file": (["backtest", "./gone.py", BTC, "--archive", "{archive}"], "'./gone.py' doesn't exist"),
    "empty archive": (["backtest", "ema_cross", BTC, "--archive", "{empty}"], "has no bars; expected"),
    "corrupt archive": (
        ["backtest", "ema_cross", BTC, "--archive", "{corrupt}"],
        "BTCUSDT-1h.parquet can't be read as Parquet",
    ),
    "archive with mixed units": (
        ["backtest", "ema_cross", BTC, "--archive", "{mixed}"],
        "ts is 1702526400 at row 700, which looks like seconds; expected milliseconds in every row",
    ),
    "optimize a corrupt archive": (
        ["optimize", "ema_cross", BTC, "--archive", "{corrupt}"],
        "BTCUSDT-1h.parquet can't be read as Parquet",
    ),
    "import a corrupt file": (
        ["data", "import", "{corrupt}/klines/binance_um/BTCUSDT-1h.parquet", "--dry-run", *HOURLY],
        "BTCUSDT-1h.parquet can't be read as Parquet",
    ),
    "import an archive with mixed units": (
        ["data", "import", "{mixed}", "--dry-run"],
        "ts is 1702526400 at row 700, which looks like seconds; expected milliseconds as in the first row",
    ),
    "missing timeframe": (
        ["backtest", "ema_cross", BTC, "--archive", "{archive}", "--timeframe", "4h"],
        "has no 4h bars of BTC/USDT:USDT; it has 1h",
    ),
    "one symbol for two": (
        ["backtest", "zscore_spread", BTC, "--archive", "{archive}"],
        "strategy zscore_spread trades 2 symbols together; got 1",
    ),
    "unknown sizing": (
        ["backtest", "ema_cross", BTC, "--archive", "{archive}", "--sizing", "all_inn"],
        "unknown sizing 'all_inn'; did you mean 'all_in'?",
    ),
    "no capital": (
        ["backtest", "ema_cross", BTC, "--archive", "{archive}", "--capital", "0"],
        "capital is 0; expected a value in [0.01, 1000000000000]",
    ),
    "parameter that is no number": (
        ["backtest", "ema_cross", BTC, "--archive", "{archive}", "--set", "fast=nan"],
        "parameter fast is 'nan'; expected a whole number from",
    ),
    "infinite size": (
        ["backtest", "ema_cross", BTC, "--archive", "{archive}", "--sizing", "fixed:inf"],
        "sizing is 'fixed:inf'; expected a positive number after fixed:",
    ),
    "size that no market has": (
        ["backtest", "ema_cross", BTC, "--archive", "{archive}", "--sizing", "fixed:1e308"],
        "sizing fixed is 1e+308; expected at most 1000000000000000",
    ),
    "negative seed": (
        ["optimize", "ema_cross", BTC, "--archive", "{archive}", "--seed", "-1"],
        "setting optimization.seed is -1; expected a value in [0, 2147483647]",
    ),
    **{
        f"{flag} {value}": (
            ["backtest", "ema_cross", BTC, "--archive", "{archive}", f"{flag}={value}"],
            f"{name} is {value}; expected a value in [{span}]",
        )
        for flag, name, span, values in (
            ("--fee-bps", "setting costs.fee_bps", "-10, 1000", ("nan", "inf", "-50", "20000")),
            ("--slippage-bps", "setting costs.slippage_bps", "0, 1000", ("nan", "-inf", "-1")),
            ("--capital", "capital", "0.01, 1000000000000", ("nan", "inf", "-5")),
        )
        for value in values
    },
    "window without bars": (
        ["backtest", "ema_cross", BTC, "--archive", "{archive}", "--start", "2030-01-01"],
        "no bars of BTC/USDT:USDT 1h in the test window",
    ),
    "no database": (
        ["backtest", "ema_cross", BTC],
        "has no database yet; start 'quant up', or give",
    ),
    "unwritable report": (
        ["backtest", "ema_cross", BTC, "--archive", "{archive}", "--report", "/proc/no/report.html"],
        "can't be written",
    ),
    "optimize an unknown symbol": (
        ["optimize", "ema_cross", "ETC/USDT:USDT", "--archive", "{archive}"],
        "unknown symbol 'ETC/USDT:USDT'; did you mean",
    ),
    "optimize with an unknown searcher": (
        ["optimize", "ema_cross", BTC, "--archive", "{archive}", "--searcher", "gaa"],
        "unknown value of setting optimization.searcher: 'gaa'; did you mean 'ga'?",
    ),
    "optimize with too few trials": (
        ["optimize", "ema_cross", BTC, "--archive", "{archive}", "--trials", "0"],
        "setting optimization.trials is 0; expected a value in [1, 100000]",
    ),
    "optimize an empty archive": (
        ["optimize", "ema_cross", BTC, "--archive", "{empty}"],
        "has no bars; expected",
    ),
    "optimize more days than there are": (
        ["optimize", "ema_cross", BTC, "--archive", "{archive}", "--folds", "50"],
        "BTC/USDT:USDT 1h: folds is 2 of 50, because bars are 1440 from",
    ),
    "resume without a database": (
        ["optimize", "ema_cross", BTC, "--archive", "{archive}", "--resume", "3"],
        "--resume 3 goes on with what is stored of it; expected no STRATEGY, SYMBOL, --archive",
    ),
}


def copy_of(archive: Path, name: str) -> tuple[Path, Path]:
    """Copy of an archive, and its file of bitcoin's hours."""
    copy = archive.with_name(name)
    shutil.copytree(archive, copy)
    return copy, copy / "klines" / "binance_um" / "BTCUSDT-1h.parquet"


def corrupt_copy(archive: Path) -> Path:
    copy, file = copy_of(archive, "corrupt")
    file.write_bytes(file.read_bytes()[:5000])
    return copy


def mixed_copy(archive: Path) -> Path:
    copy, file = copy_of(archive, "mixed")
    table = pq.read_table(file)
    ts = table.column("ts").to_numpy().copy()
    ts[700:] //= 1000
    pq.write_table(table.set_column(table.schema.get_field_index("ts"), "ts", pa.array(ts)), file)
    return copy


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_sentence_and_1(
    case: str, quant: Quant, small_archive: Path, tmp_path: Path
) -> None:
    broken, empty = tmp_path / "broken.py", tmp_path / "empty"
    broken.write_text("class Broken(:\n")
    empty.mkdir()
    arguments, sentence = REFUSED[case]
    places = {"archive": small_archive, "broken": broken, "empty": empty}
    places |= {"corrupt": corrupt_copy(small_archive), "mixed": mixed_copy(small_archive)}
    code, document, err = quant(*(argument.format(**places) for argument in arguments), "--json")
    assert (code, document) == (1, None)
    assert sentence in err
    assert err.startswith("quant: ")
    assert err.count("\n") == 1


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
