"""What the command line refuses, each in one sentence that names field, value and what was expected."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Quant = Callable[..., tuple[int, Any, str]]
BTC = "BTC/USDT:USDT"
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
        ["optimize", "ema_cross", BTC, "--archive", "{archive}", "--folds", "50", "--start", "2023-12-01"],
        "BTC/USDT:USDT 1h: folds is 1 of 50, because bars are",
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
