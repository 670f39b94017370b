"""Rows of an exchange, raw or parsed by ccxt, as our values; pure functions."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.contract_state import ContractState
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.exchanges import MarketType
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.points import FundingRate, PricePoint
from quant_pipelines.core.timeframes import HOUR_MS, floor_ms
from quant_pipelines.exchange.dialects import BarColumns, Dialect
from quant_pipelines.exchange.market_source import (
    BookSnapshot,
    BookTop,
    LiveBar,
    MarkPrice,
    PublicTrade,
    empty_rows,
)

Row = dict[str, Any]
DEFAULT_FUNDING_HOURS = 8
# Public data don't always tell the highest leverage; every USDT perpetual grants at least this.
_DEFAULT_LEVERAGE = 20
_NEVER_MS = 4_102_444_800_000
"""The year 2100: a date behind it stands for none."""


def bar_ts(row: Any, columns: BarColumns) -> int:
    """Open time of a raw bar, milliseconds UTC."""
    return int(float(row[columns.ts])) * columns.ts_unit_ms


def bar_rows(found: Mapping[int, Any], columns: BarColumns, contract_size: float, what: str) -> BarRows:
    """Raw bars by their times as arrays, sorted.

    Raises
    ------
    ExchangeUnavailable
        If they are not bars.
    """
    if not found:
        return empty_rows()
    ts, raw = np.array(list(found), np.int64), list(found.values())
    try:
        floats = [
            np.array([row[key] for row in raw], np.float64) if key is not None else np.zeros(len(raw))
            for key in columns[1:8]
        ]
    except (ValueError, TypeError, LookupError) as error:
        raise ExchangeUnavailable(f"exchange answered {what} with rows that are not bars: {error}") from error
    if not all(np.isfinite(column).all() for column in floats):
        raise ExchangeUnavailable(f"exchange answered {what} with a bar that has a price or volume missing")
    order = np.argsort(ts)
    opened, high, low, close, volume, quote_volume, trades = (column[order] for column in floats)
    if columns.volume_in_contracts:
        volume = volume * contract_size
    return BarRows(ts[order], opened, high, low, close, volume, quote_volume, trades.astype(np.int64))


def price_points(found: Mapping[int, Any], columns: BarColumns, what: str) -> list[PricePoint]:
    """Make points of the opens of raw mark- or index-price bars, sorted.

    Raises
    ------
    ExchangeUnavailable
        If they are not bars.
    """
    try:
        return [PricePoint(ts, float(found[ts][columns.open])) for ts in sorted(found)]
    except (ValueError, TypeError, LookupError) as error:
        raise ExchangeUnavailable(f"exchange answered {what} with rows that are not bars: {error}") from error


def instrument_of(exchange: str, market: Row, funding_interval_hours: int) -> Instrument:
    """Specification of one of ccxt's markets; quantities in base units."""
    size = _decimal(market.get("contractSize") or 1)
    return Instrument(
        exchange=exchange,
        symbol=market["symbol"],
        tick_size=_decimal(market["precision"]["price"]),
        lot_size=_decimal(_decimal(market["precision"]["amount"]) * size),
        min_notional=_decimal(market["limits"]["cost"]["min"] or 0),
        maker_fee=_decimal(market["maker"] or 0),
        taker_fee=_decimal(market["taker"] or 0),
        max_leverage=int(market["limits"]["leverage"]["max"] or _DEFAULT_LEVERAGE) if market["swap"] else 1,
        funding_interval_hours=funding_interval_hours,
    )


def contract_state_of(market: Row, kind: MarketType, dialect: Dialect, symbol: str) -> ContractState:
    """State of one of ccxt's markets, by our name of it: a perpetual that ends is another market for ccxt."""
    told = market["info"].get(dialect.end_field) if dialect.end_field else None
    ends_at_ms = int(told or 0)
    is_told = 0 < ends_at_ms < _NEVER_MS
    return ContractState(
        symbol,
        str(market["info"].get("status") or ("TRADING" if market["active"] else "not active")),
        market["active"] is not False,
        str(market["settle"] or market["quote"]),
        bool(market[kind]),
        ends_at_ms if is_told else None,
    )


def funding_hours(market: Row, told: Row, dialect: Dialect) -> int:
    """Hours between two payments, from the exchange's list of intervals or the contract's specification."""
    if not market["swap"]:
        return 0
    listed = str((told.get(market["symbol"]) or {}).get("interval") or "")
    if listed.endswith("h"):
        return int(listed[:-1])
    units = market["info"].get(dialect.interval_field)
    return int(units) // dialect.intervals_per_hour if units else DEFAULT_FUNDING_HOURS


def funding_rate_of(row: Row) -> FundingRate:
    """One payment; its stamp, a moment after the slot, is floored to the hour."""
    mark = (row.get("info") or {}).get("markPrice")
    ts = floor_ms(int(row["timestamp"]), HOUR_MS)
    return FundingRate(ts, float(row["fundingRate"]), float(mark) if mark else None)


def trade_of(row: Row, size: float, received_ms: int) -> PublicTrade:
    """One of ccxt's public trades; ``size`` is what its quantity counts, in base units."""
    price, amount = float(row["price"]), float(row["amount"])
    if not (price > 0 and amount > 0 and row["side"] in ("buy", "sell")):
        raise ValueError(f"trade {row['id']} has price {price}, quantity {amount}, side {row['side']}")
    return PublicTrade(
        row["symbol"],
        int(row["timestamp"]),
        str(row["id"]),
        price,
        amount * size,
        row["side"] == "sell",
        received_ms,
    )


def book_of(row: Row, symbol: str, size: float, depth: int, received_ms: int) -> BookSnapshot:
    """One of ccxt's order books, cut to a depth."""
    bids, asks = (
        tuple((float(level[0]), float(level[1]) * size) for level in row[side][:depth])
        for side in ("bids", "asks")
    )
    return BookSnapshot(symbol, int(row["timestamp"] or received_ms), bids, asks, received_ms)


def book_top_of(row: Row, size: float, received_ms: int) -> BookTop | None:
    """Best bid and ask of one of ccxt's tickers; None while a side is empty."""
    told = [row["bid"], row["bidVolume"], row["ask"], row["askVolume"]]
    if any(value is None for value in told):
        return None
    bid, bid_quantity, ask, ask_quantity = map(float, told)
    ts = int(row["timestamp"] or received_ms)
    return BookTop(row["symbol"], ts, bid, bid_quantity * size, ask, ask_quantity * size, received_ms)


def mark_of(row: Row, dialect: Dialect, received_ms: int) -> MarkPrice | None:
    """Mark price of one of ccxt's tickers; None where it does not tell one."""
    info = row.get("info")
    told = info if isinstance(info, dict) else {}
    mark = row.get("markPrice") or told.get("markPrice")
    if mark is None:
        return None
    index, rate, slot = (
        row.get("indexPrice") or told.get("indexPrice"),
        told.get(dialect.rate_field),
        told.get(dialect.next_funding_field),
    )
    return MarkPrice(
        row["symbol"],
        int(row["timestamp"] or received_ms),
        float(mark),
        float(index) if index else None,
        float(rate) if rate not in (None, "") else None,
        int(slot) if slot not in (None, "", "0", 0) else None,
        received_ms,
    )


def live_bar_of(symbol: str, row: Sequence[Any], size: float, received_ms: int) -> LiveBar:
    """Open bar of one of ccxt's rows."""
    opened, high, low, close, volume = (float(value or 0) for value in row[1:6])
    return LiveBar(symbol, int(row[0]), opened, high, low, close, volume * size, received_ms)


def _decimal(value: Any) -> Decimal:
    """Exact decimal without trailing zeros and without an exponent."""
    number = Decimal(str(value))
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()
