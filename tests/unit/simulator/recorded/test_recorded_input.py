"""An archive that can't be played is refused with one sentence that names file, row and column."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_pipelines.core.errors import DataError
from quant_pipelines.simulator.recorded.findings import compare_roll_ups
from quant_pipelines.simulator.recorded.recording import read_recording

Columns = dict[str, Any]
BARS = "klines/binance_um/BTCUSDT-1m.parquet"
FUNDING = "funding/binance_um/BTCUSDT.parquet"


def _set(name: str, row: int, value: float) -> Callable[[Columns], None]:
    def change(columns: Columns) -> None:
        columns[name][row] = value

    return change


def _drop(name: str) -> Callable[[Columns], None]:
    def change(columns: Columns) -> None:
        del columns[name]

    return change


def _half_in_seconds(columns: Columns) -> None:
    columns["ts"][900:] //= 1000


def _swap(columns: Columns) -> None:
    columns["ts"][[4, 5]] = columns["ts"][[5, 4]]


def _repeat(columns: Columns) -> None:
    columns["ts"][5] = columns["ts"][4]


def _late_by_a_second(columns: Columns) -> None:
    columns["ts"][7] += 1000


def _times(columns: Columns) -> None:
    columns["ts"] = columns["ts"].astype("datetime64[ms]")


def _empty(columns: Columns) -> None:
    columns["close"] = pa.array(columns["close"], mask=np.arange(len(columns["close"])) == 3)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            BARS,
            _half_in_seconds,
            r"BTCUSDT-1m.*ts is 17\d{8} at row 900, which looks like seconds; expected mill",
        ),
        (FUNDING, _set("ts", 2, 1_728_000_000_000_000), r"ts is .* at row 2, which looks like microseconds"),
        (BARS, _set("ts", 0, -5), r"ts is -5 at row 0; expected milliseconds"),
        (BARS, _swap, r"BTCUSDT-1m.*ts \d+ at row 5 is before that of row 4; expected strictly increasing"),
        (BARS, _repeat, r"ts \d+ at row 5 repeats that of row 4"),
        (FUNDING, _repeat, r"ts \d+ at row 5 repeats that of row 4"),
        (BARS, _late_by_a_second, r"BTCUSDT-1m.*ts is \d+ at bar 7 .*expected a multiple of 60000 ms"),
        (BARS, _drop("volume"), r"BTCUSDT-1m.parquet has no column volume$"),
        (FUNDING, _drop("rate"), r"funding/binance_um/BTCUSDT.parquet has no column rate$"),
        (BARS, _set("close", 9, float("nan")), r"BTCUSDT-1m.*close is nan at bar 9"),
        (BARS, _set("low", 9, 1e6), r"BTCUSDT-1m.*low is 1000000.0 at bar 9"),
        (FUNDING, _set("rate", 3, float("inf")), r"rate is inf at row 3"),
        (BARS, _times, r"column ts is timestamp\[ms\]; expected int64 milliseconds"),
        (BARS, _empty, r"close is empty at row 3"),
    ],
)
def test_a_malformed_file_is_named_with_row_and_column(
    archive_folder: Path, name: str, change: Callable[[Columns], None], message: str
) -> None:
    path = archive_folder / name
    table = pq.read_table(path)
    columns: Columns = {column: table.column(column).to_numpy().copy() for column in table.column_names}
    change(columns)
    pq.write_table(pa.table(columns), path)
    with pytest.raises(DataError, match=message) as refusal:
        read_recording(archive_folder)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("name", [BARS, FUNDING])
def test_a_cut_file_is_named(archive_folder: Path, name: str, keep: float) -> None:
    path = archive_folder / name
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(DataError, match=f"{path.name} can't be read as Parquet") as refusal:
        read_recording(archive_folder)
    assert "\n" not in str(refusal.value)


def test_damage_inside_a_file_is_named(archive_folder: Path) -> None:
    path = archive_folder / BARS
    content = bytearray(path.read_bytes())
    content[200:4000] = bytes(3800)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"BTCUSDT-1m\.parquet"):
        read_recording(archive_folder)


def test_an_archive_without_minutes_is_refused(archive_folder: Path) -> None:
    for path in (archive_folder / "klines" / "binance_um").glob("*-1m.parquet"):
        path.unlink()
    with pytest.raises(DataError, match="has no 1m bars of USDT contracts"):
        read_recording(archive_folder).minute_span()


def test_the_process_says_one_sentence_and_exits_with_1(archive_folder: Path, tmp_path: Path) -> None:
    (archive_folder / BARS).write_text("nothing")
    command = ["-P", "-m", "quant_pipelines.simulator", "--port", "0", "--home", str(tmp_path / "home")]
    done = subprocess.run(
        [sys.executable, *command, "--archive", str(archive_folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith("simulator: archive file ")
    assert "BTCUSDT-1m.parquet can't be read as Parquet" in sentence


def test_own_hours_are_compared_with_the_minutes(archive_folder: Path) -> None:
    [equal] = compare_roll_ups(read_recording(archive_folder))
    assert (equal.name, equal.bars, equal.differing) == ("BTCUSDT", 15 * 24, 0)
    path = archive_folder / "klines" / "binance_um" / "BTCUSDT-1h.parquet"
    table = pq.read_table(path)
    columns: Columns = {name: table.column(name).to_numpy().copy() for name in table.column_names}
    columns["volume"][30] += 1
    pq.write_table(pa.table(columns), path)
    [found] = compare_roll_ups(read_recording(archive_folder))
    assert found.differing == 1
    assert "first volume at 2024-10-11 06:00" in str(found)
