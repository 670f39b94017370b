"""Samples in the layouts of real files, each with what is in it: read so, or refused for what it says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant_pipelines.archive import Asked, FileSeries, read_series
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import HOUR_MS, from_ms

SAMPLES = Path(__file__).parent / "samples"
BTC = "BTC/USDT:USDT"
NOW_MS = 1_795_000_000_000  # 2026-11
BARS = {"kind": "bars", "symbol": BTC, "timeframe": "1h"}
FUNDING = {"kind": "funding", "symbol": BTC}
INTEREST = {"kind": "open_interest", "symbol": BTC}
JUNE = {"open": 68000.0, "high": 68012.3, "low": 67892.5, "close": 67904.2}
MARCH = {"open": 100.0, "high": 101.0, "low": 99.0, "close": 100.5, "volume": 10.0}
VISION_MARCH = MARCH | {"quote_volume": 1005.0, "trades": 7}


def read(name: str, **asked: Any) -> FileSeries:
    [path] = SAMPLES.glob(name)
    return read_series(path, Asked(**asked), now_ms=NOW_MS)


READ: list[tuple[str, dict[str, Any], str, tuple[int, str, str], dict[str, float]]] = [
    (
        "vision_halt/*.csv",
        BARS,
        "vision_klines",
        (9, "2024-06-01 00:00", "2024-06-01 09:00"),
        JUNE | {"volume": 100.0, "quote_volume": 6795210.0, "trades": 900},
    ),
    (
        "vision_ms_then_us/*-2024-12.csv",
        BARS,
        "vision_klines",
        (6, "2024-12-31 18:00", "2024-12-31 23:00"),
        JUNE,
    ),
    (
        "vision_ms_then_us/*-2025-01.csv",
        BARS,
        "vision_klines",
        (6, "2025-01-01 00:00", "2025-01-01 05:00"),
        JUNE,
    ),
    (
        "vision_metrics_unsorted/*",
        INTEREST,
        "vision_metrics",
        (10, "2024-06-01 00:00", "2024-06-01 00:45"),
        {"open_interest": 80000.123, "open_interest_value": 5.44e9},
    ),
    (
        "okx_funding/BTC-*",
        FUNDING,
        "okx_funding",
        (9, "2024-05-31 16:00", "2024-06-03 08:00"),
        {"rate": 0.000100000000123},
    ),
    (
        "okx_funding/okx_rest*",
        FUNDING,
        "okx_api_funding",
        (6, "2024-06-01 00:00", "2024-06-02 16:00"),
        {"rate": 0.0001},
    ),
    (
        "binance_web_funding/Funding*",
        FUNDING,
        "binance_web_funding",
        (9, "2024-06-01 00:00", "2024-06-03 16:00"),
        {"rate": 0.0001},
    ),
    (
        "binance_web_funding/local*",
        {**FUNDING, "zone": "+02:00"},
        "binance_web_funding",
        (9, "2024-06-01 00:00", "2024-06-03 16:00"),
        {"rate": 0.0001},
    ),
    (
        "bybit_api_dump/*",
        BARS,
        "bybit_klines",
        (10, "2024-06-01 00:00", "2024-06-01 09:00"),
        JUNE | {"volume": 100.0, "quote_volume": 6795210.0},
    ),
    (
        "gate_headerless/*",
        {**BARS, "layout": "gate"},
        "gate",
        (8, "2024-06-01 00:00", "2024-06-01 07:00"),
        JUNE | {"volume": 15.1037},
    ),
    (
        "gate_headerless/*",
        {**BARS, "layout": "gate", "contract_size": 0.5},
        "gate",
        (8, "2024-06-01 00:00", "2024-06-01 07:00"),
        JUNE | {"volume": 75518.5},
    ),
    (
        "hyperliquid_candles/*.csv",
        BARS,
        "hyperliquid_candles",
        (8, "2024-06-01 00:00", "2024-06-01 07:00"),
        JUNE | {"volume": 100.5, "trades": 50},
    ),
    (
        "hyperliquid_candles/*.json",
        BARS,
        "hyperliquid_candles",
        (8, "2024-06-01 00:00", "2024-06-01 07:00"),
        JUNE | {"volume": 100.5, "trades": 50},
    ),
    (
        "cdd_swapped_volume/*",
        BARS,
        "crypto_data_download",
        (16, "2024-06-01 00:00", "2024-06-01 15:00"),
        JUNE | {"volume": 40.0},
    ),
    (
        "bybit_spot_month/*",
        {**BARS, "kind": "trades", "timeframe": "1m"},
        "bybit_spot_trades",
        (10, "2024-06-01 00:00", "2024-06-01 00:09"),
        {"open": 68000.0, "close": 68000.0, "volume": 0.010, "trades": 1},
    ),
    (
        "lean/btcusdt_trade.zip",
        BARS,
        "lean_bars",
        (10, "2024-06-01 00:00", "2024-06-01 09:00"),
        JUNE | {"volume": 100.0},
    ),
    (
        "lean/margin*",
        FUNDING,
        "lean_margin_interest",
        (6, "2024-06-01 00:00", "2024-06-02 16:00"),
        {"rate": 0.0001},
    ),
    (
        "nautilus_bars/bars-64.parquet",
        {**BARS, "stamped": "open"},
        "nautilus_bars",
        (8, "2024-06-01 00:00", "2024-06-01 07:00"),
        JUNE | {"volume": 100.5},
    ),
    (
        "nautilus_bars/bars-64-close*",
        {**BARS, "stamped": "close"},
        "nautilus_bars",
        (8, "2024-06-01 00:00", "2024-06-01 07:00"),
        JUNE | {"volume": 100.5},
    ),
    (
        "freqtrade/*futures.feather",
        BARS,
        "freqtrade_bars",
        (10, "2024-06-01 00:00", "2024-06-01 09:00"),
        JUNE | {"volume": 100.5},
    ),
    (
        "freqtrade/*futures.json.gz",
        BARS,
        "freqtrade_bars",
        (10, "2024-06-01 00:00", "2024-06-01 09:00"),
        JUNE | {"volume": 100.5},
    ),
    (
        "freqtrade/*funding_rate.feather",
        FUNDING,
        "freqtrade_funding",
        (6, "2024-06-01 00:00", "2024-06-02 16:00"),
        {"rate": 0.0001},
    ),
    (
        "funding_and_oi_one_file/*",
        FUNDING,
        "columns",
        (9, "2024-06-01 00:00", "2024-06-03 16:00"),
        {"rate": 0.0001},
    ),
    (
        "funding_and_oi_one_file/*",
        INTEREST,
        "columns",
        (5, "2024-06-02 08:00", "2024-06-03 16:00"),
        {"open_interest": 80004.0, "open_interest_value": 5405422257.6},
    ),
    ("pandas_index_csv/*", BARS, "columns", (8, "2024-06-01 00:00", "2024-06-01 07:00"), JUNE),
    ("float_seconds/*", BARS, "columns", (8, "2024-06-01 00:00", "2024-06-01 07:00"), JUNE),
    (
        "day_first/*",
        {**BARS, "date_order": "day"},
        "columns",
        (8, "2024-06-01 00:00", "2024-06-01 07:00"),
        JUNE,
    ),
    (
        "volume_in_quote/*",
        {**BARS, "volume_unit": "quote"},
        "columns",
        (12, "2024-06-01 00:00", "2024-06-01 11:00"),
        {"volume": 33.84730086200236, "quote_volume": 2300000.25},
    ),
    (
        "wrong_timeframe/4h_as_1h.csv",
        {**BARS, "timeframe": ""},
        "columns",
        (6, "2025-03-01 00:00", "2025-03-01 20:00"),
        {"open": 100.0},
    ),
    (
        "okx_swap/BTC*",
        BARS,
        "okx_candles",
        (6, "2025-03-01 00:00", "2025-03-01 05:00"),
        MARCH | {"quote_volume": 1005.0},
    ),
    (
        "okx_swap/without*",
        BARS,
        "okx_candles",
        (6, "2025-03-01 00:00", "2025-03-01 05:00"),
        MARCH | {"quote_volume": 1005.0},
    ),
    ("okx_swap/confirm0.csv", BARS, "okx_candles", (5, "2025-03-01 00:00", "2025-03-01 04:00"), MARCH),
    ("kraken/*", BARS, "kraken_ohlcvt", (5, "2025-03-01 00:00", "2025-03-01 05:00"), MARCH | {"trades": 5}),
    (
        "cdd/Binance*",
        BARS,
        "crypto_data_download",
        (6, "2025-03-01 00:00", "2025-03-01 05:00"),
        VISION_MARCH,
    ),
    ("cdd/no-url*", BARS, "crypto_data_download", (6, "2025-03-01 00:00", "2025-03-01 05:00"), VISION_MARCH),
    (
        "vision_zip/*.zip",
        {},
        "vision_klines",
        (6, "2025-03-01 00:00", "2025-03-01 05:00"),
        VISION_MARCH,
    ),
    (
        "vision_um_noheader/*",
        {},
        "vision_klines",
        (6, "2021-03-01 00:00", "2021-03-01 05:00"),
        VISION_MARCH,
    ),
    ("vision_um_header/*", {}, "vision_klines", (6, "2025-03-01 00:00", "2025-03-01 05:00"), VISION_MARCH),
    (
        "vision_spot_us/*-01.csv",
        {},
        "vision_klines",
        (6, "2025-03-01 00:00", "2025-03-01 05:00"),
        VISION_MARCH,
    ),
    (
        "vision_spot_us/*-header.csv",
        {},
        "vision_klines",
        (6, "2025-03-01 00:00", "2025-03-01 05:00"),
        VISION_MARCH,
    ),
    ("vision_funding/*", {}, "vision_funding", (4, "2025-03-01 00:00", "2025-03-02 00:00"), {"rate": 0.0001}),
    (
        "vision_metrics/BTC*",
        {},
        "vision_metrics",
        (4, "2025-03-01 00:05", "2025-03-01 00:20"),
        {"open_interest": 80000.125},
    ),
    (
        "vision_metrics/trimmed.csv",
        {},
        "vision_metrics",
        (4, "2025-03-01 00:05", "2025-03-01 00:20"),
        {"open_interest": 80000.125},
    ),
    (
        "parquet_flavours/freqtrade_funding.parquet",
        FUNDING,
        "freqtrade_funding",
        (4, "2025-03-01 00:00", "2025-03-02 00:00"),
        {"rate": 0.0001},
    ),
]


@pytest.mark.parametrize(("name", "asked", "layout", "rows", "first"), READ)
def test_a_sample_is_read_as_it_comes(
    name: str, asked: dict[str, Any], layout: str, rows: tuple[int, str, str], first: dict[str, float]
) -> None:
    series = read(name, **asked)
    times = [f"{from_ms(int(ts)):%Y-%m-%d %H:%M}" for ts in series.ts[[0, -1]]]
    assert (series.layout, series.symbol) == (layout, BTC)
    assert (series.ts.size, *times) == rows
    assert {column: series.columns[column][0] for column in first} == first


FLAVOURS = sorted(
    path.name for path in (SAMPLES / "parquet_flavours").glob("*") if "funding" not in path.name
)


@pytest.mark.parametrize("name", FLAVOURS)
def test_every_flavour_of_parquet_holds_the_same_bars(name: str) -> None:
    series = read(f"parquet_flavours/{name}", **BARS)
    assert list(series.ts) == [1_740_787_200_000 + hour * HOUR_MS for hour in range(6)]
    assert list(series.columns["close"]) == [100.5, 101.5, 102.5, 103.5, 104.5, 105.5]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("vision_coin_margined/*", BARS, r"its name says BTCUSD_PERP, a coin-margined contract"),
    ("binance_web_funding/local*", FUNDING, r"payments are at 02, 10, 18 o'clock.*expected --zone"),
    ("gate_headerless/*", BARS, r"no header and 6 cells in its first row; expected --layout, one of .*gate"),
    ("bybit_spot_month/*", BARS, r"layout bybit_spot_trades, which holds trades; asked for bars"),
    ("nautilus_bars/bars-64.parquet", BARS, r"expected --stamped open or --stamped close"),
    ("freqtrade/*-mark.feather", BARS, r"holds mark prices by its name; asked for bars"),
    ("day_first/*", BARS, r"'01-06-2024 00:00' at row 2, which is two dates; expected --date-order day"),
    ("wrong_symbol/btc_then_eth.csv", BARS, r"symbol is 'ETHUSDT' at row 26; expected BTC/USDT:USDT"),
    (
        "wrong_symbol/btc_then_eth.csv",
        {"kind": "bars", "timeframe": "1h"},
        r"symbol is 'ETHUSDT' at row 26; expected BTC/USDT:USDT",
    ),
    ("wrong_symbol/ETHUSDT-rows.csv", BARS, r"symbol is 'ETHUSDT' at row 2"),
    ("wrong_timeframe/ETHUSDT-4h.csv", {**BARS, "symbol": "SOL/USDT:USDT"}, r"says ETHUSDT; asked for SOL"),
    ("wrong_timeframe/ETHUSDT-4h.csv", {**BARS, "symbol": "ETH/USDT:USDT"}, r"says 4h; asked for 1h"),
    *(
        (
            "wrong_timeframe/4h_as_1h.csv",
            {**BARS, "timeframe": step},
            rf"a row every 4h; asked for bars of {step}",
        )
        for step in ("1m", "15m", "1h")
    ),
    ("wrong_timeframe/4h_as_1h.csv", {**BARS, "timeframe": "1d"}, r"4h after the row before at row 3"),
    ("okx_swap/BTC*", {**BARS, "exchange": "binanceusdm"}, r"exchange is okx; asked for binanceusdm"),
]


@pytest.mark.parametrize(("name", "asked", "message"), REFUSED)
def test_a_sample_that_says_something_else_is_refused(name: str, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as refusal:
        read(name, **asked)
    assert "\n" not in str(refusal.value)


def test_a_halt_is_named() -> None:
    assert read("vision_halt/*", **BARS).notes == (
        "the bar of 2024-06-01 04:00 is flat, no trade, closed after 2,381.646 s",
        "2024-06-01 05:00 is missing",
    )


def test_volumes_that_swapped_their_places_are_put_back() -> None:
    series = read("cdd_swapped_volume/*", **BARS)
    assert list(series.columns["volume"]) == [float(volume) for volume in range(40, 56)]
    assert series.notes == ("volumes of 8 rows were swapped",)


def test_a_row_that_a_vendor_does_not_write_was_not_traded() -> None:
    series = read("kraken/*", **BARS)
    assert list(series.untraded) == [1_740_787_200_000 + 3 * HOUR_MS]
    assert series.notes == ("1 bar without a row, so without a trade: 2025-03-01 03:00",)


def test_the_open_bar_is_left_out() -> None:
    assert read("okx_swap/confirm0.csv", **BARS).notes == ("1 open bar left out (row 7: confirm is 0)",)


def test_one_frame_in_two_forms_is_the_same() -> None:
    feather, document = (read(f"freqtrade/*futures.{form}", **BARS) for form in ("feather", "json.gz"))
    assert all(np.array_equal(feather.columns[name], document.columns[name]) for name in feather.columns)


def test_months_in_two_units_join_without_a_gap() -> None:
    before, after = (read(f"vision_ms_then_us/*-{month}.csv", **BARS) for month in ("2024-12", "2025-01"))
    assert (before.unit, after.unit) == ("milliseconds", "microseconds")
    assert after.ts[0] - before.ts[-1] == HOUR_MS
