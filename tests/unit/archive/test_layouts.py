"""Layouts beside those of the samples, by a few rows each; what is no layout is refused by name."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_pipelines.archive import LAYOUTS, Claims, FileSeries, read_series
from quant_pipelines.core.errors import ConfigurationError, DataError
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, from_ms

BTC = "BTC/USDT:USDT"
FIRST_MS = 1_717_200_000_000  # 2024-06-01
NOW_MS = FIRST_MS + 100 * DAY_MS
BARS = {"kind": "bars", "symbol": BTC, "timeframe": "1h"}
MINUTES = {"kind": "trades", "symbol": BTC, "timeframe": "1m"}
VISION = ",".join(LAYOUTS["vision_klines"].header)


def vision_line(hour: int, **changed: object) -> str:
    ts = FIRST_MS + hour * HOUR_MS
    cells = {"ts": ts, "open": 10, "high": 12, "low": 9, "close": 11, "volume": 5, "closed": ts + HOUR_MS - 1}
    return ",".join(
        map(
            str, ({**cells, "quote": 52.5, "count": 7, "taker": 1, "paid": 2, "ignore": 0} | changed).values()
        )
    )


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path, **asked: Any) -> FileSeries:
    return read_series(path, Claims(**asked), now_ms=NOW_MS)


def zipped(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as folder:
        for name, content in members.items():
            folder.writestr(f"{name}.csv", content)
    return path


TRADES = [
    (
        "BTCUSDT-trades-2024-06-01.csv",
        "vision_trades",
        "id,price,qty,quote_qty,time,is_buyer_maker\n1,100,2,200,{0},true\n2,101,1,101,{1},false\n",
    ),
    (
        "BTCUSDT-trades-2024-06-01.csv",
        "vision_trades",
        "1,100,2,200,{0},True,True\n2,101,1,101,{1},False,True\n",
    ),
    (
        "BTCUSDT-aggTrades-2024-06-01.csv",
        "vision_agg_trades",
        ",".join(LAYOUTS["vision_agg_trades"].header[:-1])
        + "\n1,100,2,1,1,{0},true\n2,101,1,2,2,{1},false\n",
    ),
    (
        "trades.csv",
        "okx_trades",
        (
            "instrument_name,trade_id,side,price,size,created_time\n"
            "BTC-USDT-SWAP,1,buy,100,200,{0}\nBTC-USDT-SWAP,2,sell,101,100,{1}\n"
        ),
    ),
    (
        "BTCUSDT2024-06-01.csv",
        "bybit_trades",
        (
            "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n"
            "1717200000.0012,BTCUSDT,Buy,2,100,PlusTick,a,1,1,1\n1717200001.0,BTCUSDT,Sell,1,101,PlusTick,b,1,1,1\n"
        ),
    ),
    (
        "binance-futures_trades_2024-06-01_BTCUSDT.csv",
        "tardis_trades",
        (
            "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
            "binance-futures,BTCUSDT,{1}000,{1}005,2,sell,101,1\nbinance-futures,BTCUSDT,{0}000,{1}009,1,buy,100,2\n"
        ),
    ),
]


@pytest.mark.parametrize(("name", "layout", "text"), TRADES)
def test_trades_become_bars(tmp_path: Path, name: str, layout: str, text: str) -> None:
    series = read(write(tmp_path, name, text.format(FIRST_MS, FIRST_MS + 1000)), **MINUTES)
    columns = {name: series.columns[name].tolist() for name in ("open", "high", "low", "close", "volume")}
    assert (series.layout, series.kind, list(series.ts)) == (layout, "bars", [FIRST_MS])
    assert columns == {"open": [100.0], "high": [101.0], "low": [100.0], "close": [101.0], "volume": [3.0]}


def test_a_contract_of_unknown_size_is_asked_for(tmp_path: Path) -> None:
    text = f"instrument_name,trade_id,side,price,size,created_time\nXRP-USDT-SWAP,1,buy,100,200,{FIRST_MS}\n"
    with pytest.raises(DataError, match=r"counts contracts of XRP/USDT:USDT; expected --contract-size"):
        read(write(tmp_path, "trades.csv", text), kind="trades", timeframe="1m")


API = [
    (
        "okx_api_candles",
        {"code": "0", "data": [[str(FIRST_MS), "10", "12", "9", "11", "500", "5", "52.5", "1"]]},
        {},
    ),
    (
        "bybit_klines",
        {"result": {"symbol": "BTCUSDT", "list": [[str(FIRST_MS), "10", "12", "9", "11", "5", "52.5"]]}},
        {"symbol": ""},
    ),
    (
        "gate_api_candles",
        [{"t": FIRST_MS // 1000, "v": 50000, "c": "11", "h": "12", "l": "9", "o": "10", "sum": "52.5"}],
        {},
    ),
]


@pytest.mark.parametrize(("layout", "document", "changed"), API)
def test_an_answer_of_an_api_is_read(
    tmp_path: Path, layout: str, document: object, changed: dict[str, str]
) -> None:
    series = read(write(tmp_path, "answer.json", orjson.dumps(document)), **BARS | changed)
    values = [series.columns[name][0] for name in ("open", "high", "low", "close", "volume", "quote_volume")]
    assert (series.layout, series.symbol) == (layout, BTC)
    assert values == [10.0, 12.0, 9.0, 11.0, 5.0, 52.5]


def test_dots_in_a_date_are_bybits(tmp_path: Path) -> None:
    path = write(tmp_path, "BTCUSDT_60.csv", "2024.06.01 00:00,10,12,9,11,5\n2024.06.01 01:00,11,12,9,11,5\n")
    series = read(path, **BARS)
    assert (series.layout, list(series.ts)) == ("bybit_mt4", [FIRST_MS, FIRST_MS + HOUR_MS])


def test_krakens_relative_rate_is_the_fraction(tmp_path: Path) -> None:
    text = "timestamp,fundingRate,relativeFundingRate\n2024-06-01T00:00:00.000Z,0.71,0.0000105\n"
    series = read(write(tmp_path, "funding.csv", text), kind="funding", symbol=BTC)
    assert (series.layout, series.columns["rate"][0]) == ("kraken_funding", 0.0000105)


TICKER = (
    "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,"
    "open_interest,last_price,index_price,mark_price\n"
)


def ticker_line(ms: int, slot: int, rate: str, interest: str) -> str:
    return f"binance-futures,BTCUSDT,{ms * 1000},{ms * 1000},{slot * 1000},{rate},,{interest},,,\n"


def test_a_ticker_tells_the_rate_that_stood_at_its_slot(tmp_path: Path) -> None:
    slot, later = FIRST_MS + 8 * HOUR_MS, FIRST_MS + 16 * HOUR_MS
    lines = [
        ticker_line(FIRST_MS, slot, "0.0002", ""),
        ticker_line(slot - 1000, slot, "0.0001", "7"),
        ticker_line(slot + 1000, later, "0.0005", "8"),
    ]
    path = write(
        tmp_path, "binance-futures_derivative_ticker_2024-06-01_BTCUSDT.csv", TICKER + "".join(lines)
    )
    series = read(path, kind="funding")
    assert (list(series.ts), list(series.columns["rate"])) == ([slot], [0.0001])
    held = read(path, kind="open_interest")
    assert list(held.columns["open_interest"]) == [7.0, 8.0]
    assert list(held.ts) == [slot, slot + 5 * MINUTE_MS]


def test_open_interest_of_freqtrade_is_read(tmp_path: Path) -> None:
    stamps = pa.array([FIRST_MS, FIRST_MS + HOUR_MS], pa.timestamp("ms", "UTC"))
    table = pa.table(
        {"date": stamps, "open_interest_amount": [5.0, 6.0], "open_interest_value": [50.0, 60.0]}
    )
    pq.write_table(table, tmp_path / "BTC_USDT_USDT-1h-open_interest.parquet")
    series = read(tmp_path / "BTC_USDT_USDT-1h-open_interest.parquet", symbol=BTC)
    assert (series.layout, list(series.columns["open_interest"])) == ("freqtrade_open_interest", [5.0, 6.0])


def test_minutes_of_lean_count_from_their_day(tmp_path: Path) -> None:
    path = tmp_path / "20240601_trade.zip"
    zipped(path, **{"20240601_btcusdt_minute_trade_perp": "0,10,12,9,11,5\n120000,11,12,9,11,5\n"})
    series = read(path)
    assert (series.layout, series.symbol, series.timeframe) == ("lean_minute_bars", BTC, "1m")
    assert list(series.ts) == [FIRST_MS, FIRST_MS + 2 * MINUTE_MS]
    assert list(series.untraded) == [FIRST_MS + MINUTE_MS]


def test_wide_integers_of_nautilus_have_their_own_scale(tmp_path: Path) -> None:
    def packed(*values: int) -> pa.Array:
        return pa.array(
            [(value * 10**15).to_bytes(16, "little", signed=True) for value in values], pa.binary(16)
        )

    columns: dict[str, Any] = {name: packed(101) for name in ("open", "high", "low", "close", "volume")}
    columns |= {name: pa.array([FIRST_MS * 10**6], pa.uint64()) for name in ("ts_event", "ts_init")}
    named = {"bar_type": "BTCUSDT-PERP.BINANCE-1-HOUR-LAST-EXTERNAL"}
    pq.write_table(pa.table(columns).replace_schema_metadata(named), tmp_path / "bars.parquet")
    series = read(tmp_path / "bars.parquet", stamped="open")
    assert (series.symbol, series.timeframe, series.columns["close"][0]) == (BTC, "1h", 10.1)


def test_one_of_many_swaps_is_taken(tmp_path: Path) -> None:
    rows = [
        f"ETH-USDT-SWAP,0.2,{FIRST_MS}",
        f"BTC-USD-SWAP,0.3,{FIRST_MS}",
        f"BTC-USDT-SWAP,0.0001,{FIRST_MS}",
    ]
    text = "\n".join(["instrument_name,funding_rate,funding_time", *rows]) + "\n"
    path = write(tmp_path, "allswap-fundingrates-2024-06-01.csv", text)
    assert list(read(path, symbol=BTC).columns["rate"]) == [0.0001]
    with pytest.raises(ConfigurationError, match="--symbol missing"):
        read(path)
    with pytest.raises(DataError, match="no rows of SOL/USDT:USDT; its symbols are BTC-USD-SWAP"):
        read(path, symbol="SOL/USDT:USDT")


def test_bars_of_days_elsewhere_are_refused(tmp_path: Path) -> None:
    rows = [f"{FIRST_MS - 8 * HOUR_MS + day * DAY_MS},10,12,9,11,5" for day in range(3)]
    path = write(tmp_path, "bars.csv", "\n".join(["ts,open,high,low,close,volume", *rows]))
    with pytest.raises(DataError, match="its bars of 1d open at 16:00 UTC, as in another zone"):
        read(path, **BARS | {"timeframe": "1d"})


def test_many_short_bars_are_no_halts(tmp_path: Path) -> None:
    lines = [
        vision_line(hour, closed=FIRST_MS + hour * HOUR_MS + MINUTE_MS - 1, volume=0, count=0)
        for hour in range(4)
    ]
    path = write(tmp_path, "BTCUSDT-1h.csv", "\n".join([VISION, *lines]))
    with pytest.raises(
        DataError, match=r"close_time is 1m after the bar's open at row 2; expected bars of 1h"
    ):
        read(path)


def test_a_checksum_beside_a_file_is_verified(tmp_path: Path) -> None:
    path = write(tmp_path, "BTCUSDT-1h-2024-06.csv", f"{VISION}\n{vision_line(0)}\n")
    checksum = read(path).checksum
    beside = write(tmp_path, f"{path.name}.CHECKSUM", f"{checksum}  {path.name}\n")
    assert read(path).checksum == checksum
    beside.write_text(f"{checksum[::-1]}  {path.name}\n")
    with pytest.raises(
        DataError, match=f"its SHA-256 is {checksum}; expected {checksum[::-1]} as in {beside.name}"
    ):
        read(path)
    beside.write_text("")
    with pytest.raises(DataError, match="expected one as in"):
        read(path)


def test_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "bars.csv", f"{VISION}\n{vision_line(0)}\n")
    with pytest.raises(ConfigurationError, match="unknown layout 'gat'; did you mean 'gate'"):
        read(path, **BARS, layout="gat")
    with pytest.raises(DataError, match="not of layout okx_candles: it has no column"):
        read(path, **BARS, layout="okx_candles")


def test_no_zone_of_that_name_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "bars.csv", "ts,open,high,low,close,volume\n2024-06-01,10,12,9,11,5\n")
    with pytest.raises(ConfigurationError, match="--zone is 'Nowhere'; expected one such as"):
        read(path, **BARS, zone="Nowhere")


def test_the_page_names_every_layout() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "files.md").read_text()
    assert [name for name in LAYOUTS if f"`{name}`" not in page] == []


def test_a_layout_reads_columns_that_it_has() -> None:
    strange = [
        (layout.name, column)
        for layout in LAYOUTS.values()
        for columns in layout.kinds.values()
        for column in columns.values()
        if column not in layout.header
    ]
    assert strange == []


def test_a_bar_of_a_zone_opens_in_utc(tmp_path: Path) -> None:
    path = write(tmp_path, "bars.csv", "ts,open,high,low,close,volume\n2024-06-01 02:00,10,12,9,11,5\n")
    assert from_ms(int(read(path, **BARS, zone="Europe/Berlin").ts[0])) == from_ms(FIRST_MS)


def test_times_at_the_last_millisecond_are_closes(tmp_path: Path) -> None:
    lines = [f"{FIRST_MS + hour * HOUR_MS - 1},10,12,9,11,5" for hour in (1, 2)]
    path = write(tmp_path, "bars.csv", "\n".join(["ts,open,high,low,close,volume", *lines]))
    assert np.array_equal(read(path, **BARS, stamped="close").ts, [FIRST_MS, FIRST_MS + HOUR_MS])


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ("BTCUSD_PERP-1h-2024-06", "says BTCUSD_PERP"),
        ("ETHUSDT-1h-2024-06", "says ETHUSDT; asked for BTC"),
        ("BTCUSDT-4h-2024-06", "says 4h; asked for 1h"),
    ],
)
def test_a_zip_that_is_called_otherwise_than_its_file_is_refused(
    tmp_path: Path, inner: str, message: str
) -> None:
    path = zipped(tmp_path / "BTCUSDT-1h-2024-06.zip", **{inner: vision_line(0)})
    with pytest.raises(DataError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("exchange", "symbol"),
    [("bitmex", "XBTUSD"), ("deribit", "BTC-PERPETUAL"), ("okex-swap", "BTC-USD-SWAP")],
)
def test_contracts_that_their_coin_margins_are_refused(tmp_path: Path, exchange: str, symbol: str) -> None:
    header = ",".join(LAYOUTS["tardis_trades"].header)
    path = write(
        tmp_path, "trades.csv", f"{header}\n{exchange},{symbol},{FIRST_MS}000,{FIRST_MS}000,1,buy,100,2\n"
    )
    with pytest.raises(DataError, match=f"symbol is '{symbol}' at row 2; expected .*it is coin-margined"):
        read(path, **MINUTES)


def test_a_coin_margined_name_is_refused_without_a_symbol_too(tmp_path: Path) -> None:
    path = write(tmp_path, "BTCUSD_PERP-1h-2024-06.csv", f"{VISION}\n{vision_line(0)}\n")
    with pytest.raises(DataError, match="its name says BTCUSD_PERP, a coin-margined contract"):
        read(path)


def test_dated_contracts_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "BTCUSDT_240628-1h-2024-06.csv", f"{VISION}\n{vision_line(0)}\n")
    with pytest.raises(DataError, match="its name says BTCUSDT_240628, a dated contract"):
        read(path, **BARS)


def test_prices_in_columns_of_bars_are_no_bars(tmp_path: Path) -> None:
    text = "\n".join([VISION, *(vision_line(hour, volume=0, quote=0, count=3600) for hour in range(3))])
    with pytest.raises(DataError, match="volume is 0 in every row; expected bars of trades"):
        read(write(tmp_path, "BTCUSDT-1h-2024-06.csv", text))
    folder = tmp_path / "markPriceKlines"
    folder.mkdir()
    with pytest.raises(DataError, match="holds mark prices by its name; asked for bars"):
        read(write(folder, "BTCUSDT-1h-2024-06.csv", text))


def test_a_halt_at_the_end_of_a_file_is_named(tmp_path: Path) -> None:
    lines = [vision_line(hour) for hour in range(3)] + [
        vision_line(3, closed=FIRST_MS + 3 * HOUR_MS + 90_000)
    ]
    series = read(write(tmp_path, "BTCUSDT-1h-2024-06.csv", "\n".join([VISION, *lines])))
    assert series.notes == ("the bar of 2024-06-01 03:00 is closed after 90.000 s",)


def test_a_short_bar_before_the_next_is_no_halt(tmp_path: Path) -> None:
    lines = [
        vision_line(0),
        vision_line(1, closed=FIRST_MS + HOUR_MS + 90_000),
        vision_line(2),
        vision_line(3),
    ]
    with pytest.raises(DataError, match=r"close_time is 90\.000 s after the bar's open at row 3"):
        read(write(tmp_path, "BTCUSDT-1h-2024-06.csv", "\n".join([VISION, *lines])))
