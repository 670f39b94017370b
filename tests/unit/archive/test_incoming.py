"""A file from anywhere is proven whole; what is wrong with it is named by file, row and column."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_pipelines.archive import KINDS, Asked, FileSeries, accepted_headers, read_series
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS

BTC = "BTC/USDT:USDT"
FIRST_MS = 20_000 * DAY_MS  # 2024-10-04
NOW_MS = FIRST_MS + 30 * DAY_MS
HEADER = "timestamp,open,high,low,close,volume"


def csv(folder: Path, lines: list[str], header: str = HEADER) -> Path:
    path = folder / "bars.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def line(hour: int, prices: str = "10,12,9,11", volume: str = "5", ts: int | str | None = None) -> str:
    return f"{FIRST_MS + hour * HOUR_MS if ts is None else ts},{prices},{volume}"


def bars(path: Path) -> FileSeries:
    return read_series(path, Asked(kind="bars", symbol=BTC, timeframe="1h"), now_ms=NOW_MS)


def test_csv_is_read_by_its_headers(tmp_path: Path) -> None:
    series = bars(csv(tmp_path, [line(0), line(1, "11,13,10,12")]))
    assert list(series.ts) == [FIRST_MS, FIRST_MS + HOUR_MS]
    assert (series.columns["close"][1], series.columns["volume"][0]) == (12.0, 5.0)


@pytest.mark.parametrize(
    "header",
    [
        "open_time,open,high,low,close,volume",
        "Date,Open,High,Low,Close,Volume",
        "Open Time,o,h,l,c,vol",
        "ts,open,high,low,close,base_volume",
    ],
)
def test_usual_headers_are_accepted(tmp_path: Path, header: str) -> None:
    assert bars(csv(tmp_path, [line(0)], header)).ts.size == 1


def test_columns_of_the_exchanges_own_dumps_are_known(tmp_path: Path) -> None:
    header = (
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
        "taker_buy_volume,taker_buy_quote_volume,ignore"
    )
    series = bars(csv(tmp_path, [f"{line(0)},{FIRST_MS + HOUR_MS - 1},50,7,1,2,0"], header))
    assert (series.columns["quote_volume"][0], series.columns["trades"][0]) == (50.0, 7)


def test_an_optional_column_may_have_gaps(tmp_path: Path) -> None:
    path = csv(tmp_path, [f"{line(0)},50,", f"{line(1)}, ,3"], f"{HEADER},quote_volume,trades")
    columns = bars(path).columns
    assert np.array_equal(columns["quote_volume"], [50.0, np.nan], equal_nan=True)
    assert np.array_equal(columns["trades"], [np.nan, 3.0], equal_nan=True)


@pytest.mark.parametrize("trades", [pa.array([None, 3]), pa.array([None, 3.0]), pa.array([None, "3"])])
def test_an_optional_column_of_parquet_may_have_gaps(tmp_path: Path, trades: pa.Array) -> None:
    columns = {name: [10.0, 10.0] for name in ("open", "high", "low", "close", "volume")}
    table = pa.table({"ts": [FIRST_MS, FIRST_MS + HOUR_MS], **columns, "trades": trades})
    pq.write_table(table, tmp_path / "b.parquet")
    found = bars(tmp_path / "b.parquet").columns["trades"]
    assert np.array_equal(found, [np.nan, 3.0], equal_nan=True)


def test_a_negative_optional_value_is_named(tmp_path: Path) -> None:
    path = csv(tmp_path, [f"{line(0)},50", f"{line(1)},-1"], f"{HEADER},trades")
    with pytest.raises(DataError, match=r"trades is -1.0 at row 3; expected 0 or more"):
        bars(path)


@pytest.mark.parametrize(
    "stamp",
    [
        FIRST_MS,
        FIRST_MS // 1000,
        FIRST_MS * 1000,
        FIRST_MS * 1_000_000,
        "2024-10-04",
        "2024-10-04 00:00:00",
        "2024-10-04T00:00:00Z",
        "2024-10-04T02:00:00+02:00",
    ],
)
def test_times_may_be_numbers_of_one_unit_or_iso_text(tmp_path: Path, stamp: int | str) -> None:
    assert list(bars(csv(tmp_path, [line(0, ts=stamp)])).ts) == [FIRST_MS]


def test_gzipped_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{line(0)}\n".encode()))
    assert bars(path).ts.size == 1


def test_parquet_with_timestamps_is_read(tmp_path: Path) -> None:
    columns = {name: [10.0, 10.0] for name in ("open", "high", "low", "close", "volume")}
    stamps = np.array([FIRST_MS, FIRST_MS + HOUR_MS]).astype("datetime64[ms]").astype("datetime64[us]")
    pq.write_table(
        pa.table({"date": pa.array(stamps, pa.timestamp("us", "UTC")), **columns}), tmp_path / "b.parquet"
    )
    assert list(bars(tmp_path / "b.parquet").ts) == [FIRST_MS, FIRST_MS + HOUR_MS]


def test_empty_lines_at_the_end_are_no_rows(tmp_path: Path) -> None:
    assert bars(csv(tmp_path, [line(0), "", ""])).ts.size == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            [line(0), line(1), line(2, ts=(FIRST_MS + 2 * HOUR_MS) // 1000)],
            r"ts is 1728007200 at row 4, which looks like seconds; expected milliseconds as in the first row",
        ),
        ([line(0, ts=17)], "ts is 17 at row 2, which looks like no time; expected a time"),
        ([line(0), line(1, "-3,12,-9,11")], "open is -3.0 at row 3; expected a positive price"),
        ([line(0), line(1, "10,12,9,0")], "close is 0.0 at row 3; expected a positive price"),
        ([line(0, "10,12,nan,11")], "low is nan at row 2; expected a positive price"),
        ([line(0, "10,inf,9,11")], "high is inf at row 2; expected a positive price"),
        ([line(0), line(1, volume="-1")], r"volume is -1.0 at row 3; expected 0 or more"),
        ([line(0, "10,12,11,11")], "low is 11.0 at row 2; expected at most open and close"),
        ([line(1), line(0)], r"ts \d+ at row 3 is before that of row 2"),
        ([line(0), line(0)], r"ts \d+ at row 3 repeats that of row 2"),
        (
            [line(0), line(1, ts=FIRST_MS + HOUR_MS + 1)],
            r"ts is \d+ at row 3; expected a multiple of 3600000 ms",
        ),
        ([line(0), line(1, "10,12,,11")], "low is empty at row 3; expected a number"),
        ([line(0), line(1, "10,12,n/a,11")], "low is 'n/a' at row 3; expected a number"),
        ([line(0), line(1, ts="yesterday")], "ts is 'yesterday' at row 3; expected a whole number"),
        (
            [line(0, ts="2024-10-04"), line(0, ts="04.10.2024")],
            "ts is '04.10.2024' at row 3; expected a time such as",
        ),
        ([line(0), "1,2"], "2 cells at row 3; expected 6"),
        ([line(0), "", line(1)], "ts is empty at row 3"),
        ([line(30 * 24)], r"ts is \d+ at row 2; expected a time that is over"),
        ([], "has no rows; expected some"),
    ],
)
def test_bad_bars_are_named_by_file_row_and_column(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message) as refusal:
        bars(csv(tmp_path, lines))
    assert "bars.csv" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("timestamp,open,high,low,close,volme", "unknown column 'volme'; did you mean 'volume'"),
        ("timestamp,open,high,low,close,colour", "unknown column 'colour'"),
        ("timestamp,open,high,low,close", "has no column volume; its headers are timestamp, open"),
        ("timestamp,open,high,low,close,c", "columns 'close' and 'c' both mean close"),
        (
            "1728000000000,10,12,9,11,5",
            "has no header and 6 cells in its first row; expected --layout, one of",
        ),
    ],
)
def test_bad_headers_are_named(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        bars(csv(tmp_path, [], header))


@pytest.mark.parametrize("name", ["bars.csv", "bars.csv.gz", "bars.parquet"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\x01nothing"])
def test_a_corrupt_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name} (can't be read as|: unknown column)") as refusal:
        bars(tmp_path / name)
    assert "\n" not in str(refusal.value)


def test_a_missing_value_in_parquet_is_named(tmp_path: Path) -> None:
    columns = {name: pa.array([10.0, None]) for name in ("open", "high", "low", "close", "volume")}
    pq.write_table(pa.table({"ts": [FIRST_MS, FIRST_MS + HOUR_MS], **columns}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"b\.parquet: open is empty at row 1"):
        bars(tmp_path / "b.parquet")


def test_funding_is_floored_to_its_hour(tmp_path: Path) -> None:
    path = csv(tmp_path, [f"{FIRST_MS + 7},8,0.0001"], "calc_time,funding_interval_hours,last_funding_rate")
    series = read_series(path, Asked(kind="funding", symbol=BTC), now_ms=NOW_MS)
    assert (list(series.ts), series.columns["rate"][0]) == ([FIRST_MS], 0.0001)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"{FIRST_MS + HOUR_MS // 2},0.0001", r"ts is \d+ at row 2; expected a payment at a full hour"),
        (f"{FIRST_MS},12.5", "rate is 12.5 at row 2; expected a fraction"),
        (f"{FIRST_MS},nan", "rate is nan at row 2; expected a number"),
    ],
)
def test_bad_funding_is_named(tmp_path: Path, row: str, message: str) -> None:
    path = csv(tmp_path, [row], "ts,rate")
    with pytest.raises(DataError, match=message):
        read_series(path, Asked(kind="funding", symbol=BTC), now_ms=NOW_MS)


def test_negative_open_interest_is_named(tmp_path: Path) -> None:
    path = csv(tmp_path, [f"{FIRST_MS},-1"], "create_time,sum_open_interest")
    with pytest.raises(DataError, match=r"open_interest is -1.0 at row 2; expected 0 or more"):
        read_series(path, Asked(kind="open_interest", symbol=BTC), now_ms=NOW_MS)


def test_the_page_lists_every_accepted_header() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "files.md").read_text()
    headers = {header for kind in KINDS.values() for header in accepted_headers(kind)}
    assert [header for header in sorted(headers) if f"`{header}`" not in page] == []
