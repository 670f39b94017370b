"""``quant data check`` on files, without any database."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_pipelines.cli.__main__ import main

Quant = Callable[..., tuple[int, Any, str]]
HOUR_MS = 3_600_000


def rewritten(path: Path, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Path:
    table = pq.read_table(path)
    columns = {name: table[name].to_numpy().copy() for name in table.column_names}
    target = path.with_name("BTCUSDT-1h-changed.parquet")
    pq.write_table(pa.table(change(columns)), target)
    return target


@pytest.fixture
def bars(small_archive: Path) -> Path:
    return small_archive / "klines" / "binance_um" / "BTCUSDT-1h.parquet"


def faulty(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Hole of an hour on one day, a bar with a high below its low on another, two rows swapped on a third."""
    columns["high"][30] = columns["low"][30] / 2
    order = np.delete(np.arange(columns["ts"].size), 100)
    order[[200, 201]] = order[[201, 200]]
    return {name: column[order] for name, column in columns.items()}


def found(document: Any) -> set[tuple[str, str, int]]:
    return {(row["check_name"], row["severity"], row["count"]) for row in document["findings"]}


def test_clean_archive_passes(quant: Quant, small_archive: Path) -> None:
    code, document, _ = quant("data", "check", "--archive", small_archive, "--json")
    assert (code, document) == (0, {"bars": 2880, "resolved": 0, "findings": []})


def test_clean_file_passes(quant: Quant, bars: Path) -> None:
    code, document, _ = quant("data", "check", bars, "--json")
    assert (code, document["bars"], document["findings"]) == (0, 1440, [])


def test_faults_of_a_file_are_found_together_and_fail(quant: Quant, bars: Path) -> None:
    code, document, _ = quant("data", "check", rewritten(bars, faulty), "--json")
    assert code == 1
    assert found(document) == {("gaps", "block", 1), ("ohlc", "block", 1), ("unordered", "warning", 1)}
    assert {row["symbol"] for row in document["findings"]} == {"BTC/USDT:USDT"}


def test_window_bounds_what_is_checked(quant: Quant, bars: Path) -> None:
    path = rewritten(bars, faulty)
    code, document, _ = quant("data", "check", path, "--from", "2023-12-01", "--json")
    assert (code, document["findings"]) == (0, [])
    assert 0 < document["bars"] < 1440


def revised(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    columns["close"][50] *= 1.0001
    return columns


def test_file_is_compared_with_another(quant: Quant, bars: Path) -> None:
    other = rewritten(bars, revised)
    code, document, _ = quant("data", "check", bars, "--against", other, "--json")
    assert (code, found(document)) == (0, {("source_mismatch", "warning", 1)})
    tolerant = ("--against", other, "--tolerance-bps", "2", "--json")
    assert quant("data", "check", bars, *tolerant)[1]["findings"] == []


def test_flag_for_json_may_stand_before_the_action(quant: Quant, bars: Path) -> None:
    assert quant("data", "--json", "check", bars)[1]["bars"] == 1440


def test_text_answer_names_the_first_bars(bars: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(rewritten(bars, faulty))]) == 1
    out = capfd.readouterr().out
    assert "1,439 bars checked" in out
    assert "gaps" in out
    assert "2023-11-19 04:00" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("missing-1h.parquet",), "tells no symbol and timeframe"),
        (("BTCUSDT-1h.parquet",), "can't be read as Parquet"),
        (("--against", "BTCUSDT-1h.parquet"), "no file to compare with it"),
        (("BTC/USDT:USDT", "BTCUSDT-1h.parquet"), "expected symbols, or one file"),
        (("--archive", "nowhere"), "archive nowhere has no bars"),
        ((), "has no database yet"),
        *(
            (
                ("BTCUSDT-1h.parquet", "--against", "BTCUSDT-1h.parquet", f"--tolerance-bps={bps}"),
                f"tolerance_bps is {told}; expected a value in [0, 10000]",
            )
            for bps, told in (("nan", "nan"), ("inf", "inf"), ("1e400", "inf"), ("-1", "-1"))
        ),
    ],
)
def test_question_that_cannot_be_answered_says_why(
    quant: Quant, arguments: tuple[str, ...], sentence: str
) -> None:
    code, document, err = quant("data", "check", *arguments, "--json")
    assert (code, document) == (1, None)
    assert sentence in err
