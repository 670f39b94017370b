"""What people do to files: other delimiters, zones, units and names; read right, or refused by name."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_pipelines.archive import Claims, FileSeries, read_series
from quant_pipelines.core.errors import QuantError
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, from_ms

BTC = "BTC/USDT:USDT"
FIRST_MS = 1_717_200_000_000  # 2024-06-01
NOW_MS = FIRST_MS + 100 * DAY_MS
HEADER = ("timestamp", "open", "high", "low", "close", "volume")
HOURS = [FIRST_MS + hour * HOUR_MS for hour in range(6)]
PRICES = ("100.5", "102.5", "99.5", "101.5")
CDD_HEADER = "unix,date,symbol,open,high,low,close,Volume BTC,Volume USDT,tradecount"


def read(path: Path, **asked: Any) -> FileSeries:
    claims = {"kind": "bars", "symbol": BTC, "timeframe": "1h"} | asked
    return read_series(path, Claims(**claims), now_ms=NOW_MS)


def text_of(delimiter: str = ",", stamp: Callable[[int], object] = int) -> str:
    rows = [(stamp(ts), *PRICES, 5) for ts in HOURS]
    return "\n".join(delimiter.join(map(str, row)) for row in [HEADER, *rows]) + "\n"


def write(folder: Path, text: str, name: str = "bars.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def local(ts: int, hours: float = 0.0, form: str = "%Y-%m-%d %H:%M") -> str:
    return from_ms(ts + int(hours * HOUR_MS)).strftime(form)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_cells_may_be_parted_by_other_signs(tmp_path: Path, delimiter: str) -> None:
    series = read(write(tmp_path, text_of(delimiter)))
    assert (list(series.ts), series.columns["open"][0]) == (HOURS, 100.5)


def test_a_comma_for_the_point_is_named_with_row_and_column(tmp_path: Path) -> None:
    with pytest.raises(QuantError, match="open is '100,5' at row 2; expected a number"):
        read(write(tmp_path, text_of(";").replace(".", ",")))


@pytest.mark.parametrize(
    ("stamp", "asked"),
    [
        (lambda ts: local(ts, 5.5) + "+05:30", {}),
        (lambda ts: local(ts, 5.5), {"zone": "+05:30"}),
        (lambda ts: local(ts) + "Z", {"zone": "+02:00"}),  # what the file says stands
        (lambda ts: local(ts, form="%Y%m%d%H%M"), {}),
        (lambda ts: local(ts, form="%Y%m%d%H%M%S"), {}),
    ],
)
def test_times_mean_what_they_say(
    tmp_path: Path, stamp: Callable[[int], object], asked: dict[str, str]
) -> None:
    assert list(read(write(tmp_path, text_of(stamp=stamp)), **asked).ts) == HOURS


def test_days_without_a_clock_are_read_in_the_zone_that_is_said(tmp_path: Path) -> None:
    rows = [f"0{day}-06-2024,{','.join(PRICES)},5" for day in (1, 2, 3)]
    path = write(tmp_path, "\n".join([",".join(HEADER), *rows]))
    with pytest.raises(QuantError, match="its bars of 1d open at 22:00 UTC, as in another zone"):
        read(path, timeframe="1d", date_order="day", zone="+02:00")


@pytest.mark.parametrize("zone", ["", "+02:00"])
def test_times_with_a_zone_and_without_do_not_mix(tmp_path: Path, zone: str) -> None:
    path = write(tmp_path, text_of(stamp=lambda ts: local(ts) + ("Z" if ts > HOURS[2] else "")))
    with pytest.raises(
        QuantError, match="ts is '2024-06-01 03:00Z' at row 5; expected no zone as in the first"
    ):
        read(path, zone=zone)


def test_half_an_hour_beside_the_hour_asks_for_the_zone(tmp_path: Path) -> None:
    with pytest.raises(QuantError, match=r"open at minute 30, as in another zone.*or --zone, such as"):
        read(write(tmp_path, text_of(stamp=lambda ts: local(ts, 5.5))))


def test_text_without_a_zone_is_taken_for_utc_and_said(tmp_path: Path) -> None:
    assert read(write(tmp_path, text_of(stamp=local))).notes == (
        "its times name no zone and are taken for UTC: --zone says another",
    )


def test_times_before_there_were_coins_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        QuantError, match="ts is 968400000000 at row 2; expected a time at which there were coins"
    ):
        read(write(tmp_path, text_of(stamp=lambda ts: ts - FIRST_MS + 968_400_000_000)))


@pytest.mark.parametrize("index", [True, False])
def test_times_under_another_name_are_named(tmp_path: Path, index: bool) -> None:
    columns = {name: np.full(6, 10.0) for name in HEADER[1:]}
    stamps = {"kline_start": pa.array(HOURS, pa.timestamp("ms", "UTC"))}
    table = pa.table(columns | stamps if index else stamps | columns)
    pq.write_table(table, tmp_path / "b.parquet")
    with pytest.raises(
        QuantError, match="has no column of times by name, but 'kline_start'; expected one of ts,"
    ):
        read(tmp_path / "b.parquet")


def test_a_folder_inside_a_zip_is_no_matter(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bars.zip", "w") as folder:
        folder.writestr("data/2024/bars.csv", text_of())
    assert list(read(tmp_path / "bars.zip").ts) == HOURS


def test_a_header_again_is_another_layout(tmp_path: Path) -> None:
    with pytest.raises(QuantError, match="ts is 't' at row 8; expected a whole number"):
        read(write(tmp_path, text_of() + "t,v,c,h,l,o\n"))


def test_more_cells_than_before_are_another_layout(tmp_path: Path) -> None:
    with pytest.raises(QuantError, match="7 cells at row 8; expected 6 as in the rows before"):
        read(write(tmp_path, text_of() + f"{HOURS[-1] + HOUR_MS},100,101,99,100,5,500\n"))


def test_prices_that_move_without_any_volume_are_no_bars(tmp_path: Path) -> None:
    with pytest.raises(QuantError, match="volume is 0 in every row; expected bars of trades"):
        read(write(tmp_path, text_of().replace(",5\n", ",0\n")))


def cdd(folder: Path, rows: list[str]) -> Path:
    text = "\n".join(["https://www.CryptoDataDownload.com", CDD_HEADER, *rows])
    return write(folder, text + "\n", "Binance_BTCUSDT_1h.csv")


def cdd_row(ts: int, unix: object, close: float = 101.5, *, date: str = "", trades: str = "7") -> str:
    return f"{unix},{date or local(ts)},BTC/USDT,100.5,102.5,99.5,{close},5,{5 * 101},{trades}"


@pytest.mark.parametrize("second", ["{}", "{}.0"])
def test_the_two_sources_of_a_file_may_count_time_in_two_units(tmp_path: Path, second: str) -> None:
    newer = [cdd_row(ts, ts) for ts in HOURS[3:]]
    older = [cdd_row(ts, second.format(ts // 1000), trades="NULL") for ts in HOURS[:3]]
    series = read(cdd(tmp_path, (older + newer)[::-1]))
    assert (list(series.ts), series.unit) == (HOURS, "seconds and milliseconds")


def test_where_two_sources_meet_the_newer_one_stands(tmp_path: Path) -> None:
    newer = [cdd_row(ts, ts, 101.0) for ts in HOURS[3:]]
    older = [cdd_row(ts, f"{ts // 1000}.0", 100.0, trades="NULL") for ts in HOURS[:4]]
    series = read(cdd(tmp_path, (older + newer)[::-1]))
    assert list(series.ts) == HOURS
    assert list(series.columns["close"]) == [100.0] * 3 + [101.0] * 3
    assert "2024-06-01 03:00 stands twice where two sources meet" in series.notes[0]


def test_a_row_of_one_source_that_stands_twice_is_refused(tmp_path: Path) -> None:
    rows = [cdd_row(ts, ts) for ts in [*HOURS[:4], HOURS[3], *HOURS[4:]]]
    with pytest.raises(QuantError, match=r"repeats that of row"):
        read(cdd(tmp_path, rows[::-1]))


@pytest.mark.parametrize(
    ("date", "shown"), [("2024-06-01 07:00", "2024-06-01 07:00"), ("2024-06-02", "2024-06-02 00:00")]
)
def test_two_columns_of_time_have_to_agree(tmp_path: Path, date: str, shown: str) -> None:
    rows = [cdd_row(ts, ts, date=date if ts == HOURS[2] else "") for ts in HOURS]
    with pytest.raises(
        QuantError, match=f"date is {shown} at row 6; expected 2024-06-01 02:00 as its unix says"
    ):
        read(cdd(tmp_path, rows[::-1]))


def answer(folder: Path, name: str, rows: list[dict[str, str]], **around: str) -> Path:
    return write(folder, json.dumps({"retCode": 0, "result": {**around, "list": rows}}), f"{name}.json")


@pytest.mark.parametrize("category", ["linear", "inverse"])
def test_points_of_bybit_say_their_contract(tmp_path: Path, category: str) -> None:
    name = "BTCUSDT" if category == "linear" else "BTCUSD"
    slots = [FIRST_MS + 8 * HOUR_MS * slot for slot in (2, 1, 0)]
    rates = [{"symbol": name, "fundingRate": "0.0001", "fundingRateTimestamp": str(ts)} for ts in slots]
    held = [{"openInterest": "80000.5", "timestamp": str(ts)} for ts in slots]
    for kind, path in (
        ("funding", answer(tmp_path, "rates", rates, category=category)),
        ("open_interest", answer(tmp_path, "held", held, category=category, symbol=name)),
    ):
        if category == "inverse":
            with pytest.raises(QuantError, match="coin-margined"):
                read(path, kind=kind, timeframe="")
        else:
            series = read(path, kind=kind, timeframe="", symbol="")
            assert (series.symbol, series.exchanges, list(series.ts)) == (BTC, ("bybit",), slots[::-1])


def test_arrays_of_another_exchange_are_not_taken_for_bybit(tmp_path: Path) -> None:
    rows = [[str(ts), *PRICES, "5", "500"] for ts in HOURS]
    path = write(tmp_path, json.dumps({"code": "00000", "data": rows}), "answer.json")
    with pytest.raises(
        QuantError, match="has no header and 7 cells in its first row; expected --layout, one of"
    ):
        read(path)


@pytest.mark.parametrize("step", ["100-TICK", "1-MONTH", "3-HOUR", "500-VOLUME_IMBALANCE"])
def test_a_step_that_is_not_supported_is_named(tmp_path: Path, step: str) -> None:
    packed = pa.array([int(10e9).to_bytes(8, "little")] * 6, pa.binary(8))
    stamps = pa.array([ts * 1_000_000 for ts in HOURS], pa.uint64())
    columns = dict.fromkeys(HEADER[1:], packed) | {"ts_event": stamps, "ts_init": stamps}
    kind = {"bar_type": f"BTCUSDT-PERP.BINANCE-{step}-LAST-EXTERNAL"}
    pq.write_table(pa.table(columns).replace_schema_metadata(kind), tmp_path / "bars.parquet")
    with pytest.raises(QuantError, match=f"its timeframe is {step}; expected one of 1m"):
        read(tmp_path / "bars.parquet", timeframe="", stamped="open")
    with pytest.raises(QuantError, match=f"its name says {step}; asked for 1h"):
        read(tmp_path / "bars.parquet", stamped="open")
