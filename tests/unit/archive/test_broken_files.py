"""Files that are cut, damaged, or not of one layout are refused in one sentence."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from quant_pipelines.core.errors import DataError
from tests.unit.archive.test_layouts import FIRST_MS, VISION, read, vision_line, write, zipped

BAD: list[tuple[str, Sequence[str], str]] = [
    (
        "a column more",
        [f"{VISION},mine", f"{vision_line(0)},1"],
        "column 'mine', which layout vision_klines has not",
    ),
    ("a cell more", [f"{vision_line(0)},1"], "no header and 13 cells in its first row"),
    (
        "two layouts",
        [VISION, vision_line(0), "ts,open,high,low,close,volume", f"{FIRST_MS},1,1,1,1,1"],
        "6 cells at row 3; expected 12",
    ),
    (
        "two headers",
        [VISION, vision_line(0), VISION],
        "ts is 'open_time' at row 3; expected a whole number",
    ),
    (
        "text",
        [VISION, vision_line(0), vision_line(1, volume="many")],
        "volume is 'many' at row 3; expected a number",
    ),
    ("no rows", [VISION], "has no rows; expected some"),
    ("a short row", [vision_line(0), vision_line(1)[:20]], "cells at row 2; expected 12"),
]


@pytest.mark.parametrize("packed", ["csv", "zip", "csv.gz"])
@pytest.mark.parametrize(("_", "lines", "message"), BAD)
def test_a_broken_file_is_refused_in_one_sentence(
    tmp_path: Path, _: str, lines: list[str], message: str, packed: str
) -> None:
    text = "\n".join(lines) + "\n"
    path = tmp_path / f"BTCUSDT-1h-2024-06.{packed}"
    if packed == "zip":
        zipped(path, **{"BTCUSDT-1h-2024-06": text})
    else:
        path.write_bytes(gzip.compress(text.encode()) if packed == "csv.gz" else text.encode())
    with pytest.raises(DataError, match=message) as refusal:
        read(path)
    assert path.name in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_zip_of_two_files_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "BTCUSDT-1h-2024-06.zip", a=vision_line(0), b=vision_line(1))
    with pytest.raises(DataError, match=r"holds 2 files: a\.csv, b\.csv; expected one"):
        read(path)


@pytest.mark.parametrize("kept", [0, 10, 200, -5])
def test_a_cut_zip_is_refused(tmp_path: Path, kept: int) -> None:
    path = zipped(tmp_path / "BTCUSDT-1h-2024-06.zip", a="\n".join(vision_line(hour) for hour in range(100)))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match="can't be read as zip"):
        read(path)


def test_a_cut_gzip_is_refused(tmp_path: Path) -> None:
    content = gzip.compress("\n".join(vision_line(hour) for hour in range(100)).encode())
    path = write(tmp_path, "BTCUSDT-1h-2024-06.csv.gz", content[: len(content) // 2])
    with pytest.raises(DataError, match="can't be read as CSV: Compressed file ended"):
        read(path)


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "BTCUSDT-1h-2024-06.zip", a="\n".join(vision_line(hour) for hour in range(100)))
    content = bytearray(path.read_bytes())
    content[120] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataError, match="can't be read as CSV") as refusal:
        read(path)
    assert "\n" not in str(refusal.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't be read as CSV: it is empty"):
        read(write(tmp_path, "BTCUSDT-1h.csv", ""))
