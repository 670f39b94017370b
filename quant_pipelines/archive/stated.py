"""What a file says of itself against what was asked: symbol, step, exchange; a sentence names both."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from quant_pipelines.archive.claims import Claims
from quant_pipelines.archive.layouts import Found, Statement
from quant_pipelines.archive.market_names import named_market, named_step_ms
from quant_pipelines.archive.origin import Origin
from quant_pipelines.core.errors import ConfigurationError, DataError
from quant_pipelines.core.exchanges import EXCHANGES
from quant_pipelines.core.timeframes import TIMEFRAMES, timeframe_ms

Texts = Mapping[str, Any]
"""Arrow columns of text by our name."""


def settled(asked: Claims, statement: Statement, texts: Texts, origin: Origin) -> Claims:
    """Complete what was asked by what the file says.

    Parameters
    ----------
    asked
        What was said of the file.
    statement
        What its name and metadata say, and the exchanges of which it may be.
    texts
        Columns ``symbol`` and ``interval`` where the file has them.
    origin
        File, for the sentence.

    Raises
    ------
    DataError
        If the file contradicts what was asked, or itself.
    ConfigurationError
        If neither says what is needed.
    """
    _refuse_unsupported(origin, statement, texts)
    symbol = asked.symbol or _symbol_of(asked, statement, texts)
    timeframe = asked.timeframe or _timeframe_of(statement, texts, origin)
    missing = [] if symbol else ["--symbol"]
    missing += ["--timeframe"] if asked.kind in ("bars", "trades") and not timeframe else []
    if missing:
        raise ConfigurationError(
            f"{' and '.join(missing)} missing; expected for a file of {asked.kind} that does not say it "
            f"({origin})"
        )
    complete = replace(asked, symbol=symbol, timeframe=timeframe)
    check_name(origin, statement, complete)
    check_rows(complete, texts, origin)
    return complete


def check_rows(asked: Claims, texts: Texts, origin: Origin) -> None:
    """Prove that no row is of another symbol or step than was asked.

    Raises
    ------
    DataError
        Naming the first that is.
    """
    _check_symbols(origin, texts, asked.symbol)
    if asked.kind == "bars":
        _check_intervals(origin, texts, asked.timeframe)


def check_name(origin: Origin, statement: Statement, asked: Claims) -> None:
    """Prove that a file's name says nothing else than was asked.

    Raises
    ------
    DataError
        If it says another symbol or step; the sentence names both.
    """
    _refuse_unsupported_name(origin, statement)
    if statement.symbol and not named_market(statement.symbol).is_of(asked.symbol):
        raise DataError(f"{origin}: its name says {statement.symbol}; asked for {asked.symbol}")
    step = statement.timeframe if asked.kind == "bars" else ""
    if step and named_step_ms(step) != timeframe_ms(asked.timeframe):
        raise DataError(f"{origin}: its name says {step}; asked for {asked.timeframe}")


def rows_of(asked: Claims, texts: Texts, origin: Origin) -> np.ndarray:
    """Which rows of a file of many symbols are of the one that is asked for; shape (n_rows,).

    Raises
    ------
    ConfigurationError
        If none is asked for.
    DataError
        If no row is of it.
    """
    if not asked.symbol:
        raise ConfigurationError(f"--symbol missing; expected one of the symbols in {origin.path}")
    names = texts["symbol"].to_numpy(zero_copy_only=False)
    markets = {name: named_market(name) for name in set(names)}
    wanted = {name for name, one in markets.items() if one.kind == "linear" and one.is_of(asked.symbol)}
    is_wanted = np.array([name in wanted for name in names], dtype=bool)
    if not is_wanted.any():
        shown = ", ".join(sorted(markets)[:5])
        raise DataError(f"{origin} has no rows of {asked.symbol}; its symbols are {shown}")
    return is_wanted


def exchange_of(asked: Claims, stated: tuple[str, ...], texts: Texts, origin: Origin) -> tuple[str, ...]:
    """Exchanges (ccxt ids) of which a file can be, by its layout, name and rows; empty where none says it.

    Raises
    ------
    DataError
        If its rows are of several exchanges, or of another one than was asked for.
    """
    named = stated
    if "exchange" in texts:
        found = sorted({name or "no exchange" for name in texts["exchange"].to_pylist()})
        if len(found) > 1:
            raise DataError(f"{origin} has rows of exchanges {' and '.join(found[:3])}; expected one")
        named = _VENDOR_EXCHANGES.get(found[0].lower(), (found[0].lower(),))
    if asked.exchange and named and asked.exchange not in named:
        raise DataError(f"{origin}: exchange is {' or '.join(named)}; asked for {asked.exchange}")
    return named


_COIN_MARGINING = frozenset({"bybit", "gate", "bitmex", "deribit", "binance-delivery", "huobi-dm-swap"})
"""Exchanges whose contracts in dollars are margined in their coin."""

_VENDOR_EXCHANGES = {
    "binance-futures": ("binanceusdm",),
    "binance": ("binance", "binanceusdm"),
    "okex-swap": ("okx",),
    "okex": ("okx",),
    "gate-io-futures": ("gate",),
    "gate-io": ("gate",),
    "bybit-spot": ("bybit",),
    "bitget-futures": ("bitget",),
}


def _symbol_of(asked: Claims, statement: Statement, texts: Texts) -> str:
    names = texts.get("symbol", ())
    first = names[0].as_py() if len(names) else ""
    market = EXCHANGES.get(asked.exchange, "swap")
    return named_market(first).symbol(market) or named_market(statement.symbol).symbol(market)


def _refuse_unsupported(origin: Origin, statement: Statement, texts: Texts) -> None:
    """Refuse contracts that are not linear, by the first name that says so."""
    if "symbol" in texts:
        first = texts["symbol"][0].as_py() or ""
        if _kind(first, statement) != "linear":
            expected = f"a linear perpetual contract or a pair: it is {_kind(first, statement)}"
            raise origin.fault("symbol", repr(first), 0, expected)
    _refuse_unsupported_name(origin, statement)


def _refuse_unsupported_name(origin: Origin, statement: Statement) -> None:
    kind = _kind(statement.symbol, statement) if statement.symbol else "linear"
    if kind != "linear":
        raise DataError(
            f"{origin}: its name says {statement.symbol}, a {kind} contract; "
            "expected a linear perpetual contract or a pair"
        )


def _kind(name: str, statement: Statement) -> str:
    market = named_market(name)
    is_in_dollars = market.quote in ("", "USD") and bool(_COIN_MARGINING & set(statement.exchanges))
    return "coin-margined" if is_in_dollars and market.kind == "linear" else market.kind


def _check_symbols(origin: Origin, texts: Texts, symbol: str) -> None:
    import pyarrow.compute as pc  # noqa: PLC0415 - only files need it

    if "symbol" not in texts:
        return
    for name in pc.unique(texts["symbol"]).to_pylist():
        market = named_market(name or "")
        if market.kind != "linear" or not market.is_of(symbol):
            index = int(pc.index(texts["symbol"], name).as_py())
            raise origin.fault("symbol", repr(name), index, f"{symbol} as asked")


def _timeframe_of(statement: Statement, texts: Texts, origin: Origin) -> str:
    names = texts.get("interval", ())
    stated = (names[0].as_py() if len(names) else "") or statement.timeframe
    if not stated:
        return ""
    length = named_step_ms(stated)
    known = next((name for name, step in TIMEFRAMES.items() if step == length), "")
    if not known:
        raise DataError(f"{origin}: its timeframe is {stated}; expected one of {', '.join(TIMEFRAMES)}")
    return known


def _check_intervals(origin: Origin, texts: Texts, timeframe: str) -> None:
    import pyarrow.compute as pc  # noqa: PLC0415

    for name in pc.unique(texts["interval"]).to_pylist() if "interval" in texts else ():
        if named_step_ms(name or "") != timeframe_ms(timeframe):
            index = int(pc.index(texts["interval"], name).as_py())
            raise origin.fault("interval", repr(name), index, f"{timeframe} as asked")


def require_kind(found: Found, statement: Statement, origin: Origin) -> None:
    """Prove that a file's name does not say that it holds something else.

    Raises
    ------
    DataError
        If it does, such as mark prices in columns of bars.
    """
    if statement.kind and statement.kind != found.kind:
        raise DataError(f"{origin} holds {statement.kind} by its name; asked for {found.kind}")
