"""Bars of CryptoDataDownload: a line with its address, newest first, swapped volumes, two sources."""

import re

import numpy as np

from quant_pipelines.archive.layouts.layout import Content, Layout, Statement
from quant_pipelines.archive.preview import Preview
from quant_pipelines.core.timeframes import DAY_MS, from_ms

_NAME = re.compile(
    r"(?P<exchange>[A-Za-z]+)_(?P<symbol>[A-Z0-9]+)_(?P<step>minute|\d+[mh]|[dh])", re.IGNORECASE
)
_STEPS = {"minute": "1m", "d": "1d", "h": "1h"}
_EXCHANGES = {"binance": ("binanceusdm", "binance")}
_ALLOWED = 1.05  # an average price may lie this far outside of the bar, as amounts are rounded


def _coin_names(preview: Preview) -> tuple[str, ...]:
    """``Volume BTC`` and ``Volume USDT`` by what they should be."""
    columns = list(preview.columns)
    volumes = [index for index, name in enumerate(columns) if name.startswith("volume_")]
    for index, name in zip(volumes, ("volume_base", "volume_quote"), strict=False):
        columns[index] = name
    return tuple("tradecount" if name == "trade_count" else name for name in columns)


def _states(preview: Preview) -> Statement:
    match = _NAME.match(preview.path.name)
    if match is None:
        return Statement()
    exchange, step = match["exchange"].lower(), match["step"].lower()
    return Statement(match["symbol"], _STEPS.get(step, step), _EXCHANGES.get(exchange, (exchange,)))


def _of_one_source(content: Content) -> Content:
    """Rows without those that the older of two sources repeats where they meet: it is the one in seconds."""
    ts, unit = content.ts, content.columns["time_unit"]
    same = np.flatnonzero(np.diff(ts) == 0)
    coarser = np.where(unit[same] < unit[same + 1], same, same + 1)
    repeats = coarser[unit[same] != unit[same + 1]]
    if not repeats.size:
        return content
    kept = content.taken(np.setdiff1d(np.arange(ts.size), repeats))
    at = f"{from_ms(int(ts[repeats[0]])):%Y-%m-%d %H:%M}"
    return kept.noted(f"{at} stands twice where two sources meet: the row of the newer one is taken")


def _dated(content: Content) -> Content:
    """Rows whose two columns of time agree.

    Raises
    ------
    DataError
        Naming the first whose don't.
    """
    columns = content.columns
    differs = ~np.isnan(columns["written"]) & (columns["written"] != content.ts)
    differs |= ~np.isnan(columns["written_day"]) & (columns["written_day"] != content.ts // DAY_MS)
    for index in np.flatnonzero(differs):
        written = columns["written"][index]
        shown = from_ms(int(columns["written_day"][index] * DAY_MS if np.isnan(written) else written))
        expected = f"{from_ms(int(content.ts[index])):%Y-%m-%d %H:%M} as its unix says"
        raise content.origin.fault("date", f"{shown:%Y-%m-%d %H:%M}", int(index), expected)
    return content


def _refined(content: Content) -> Content:
    return _volumes_in_place(_dated(_of_one_source(content)))


def _volumes_in_place(content: Content) -> Content:
    """Each row's volumes in their places, by the rule that one over the other is the price."""
    columns = content.columns
    base, quote = columns["volume"], columns["quote_volume"]
    is_right, is_swapped = _is_price(base, quote, columns), _is_price(quote, base, columns)
    wrong = np.flatnonzero(~is_right & ~is_swapped)
    for index in wrong:
        prices = f"{columns['low'][index]:g} to {columns['high'][index]:g}"
        value = f"{base[index]:g} of {quote[index]:g} in quote"
        raise content.origin.fault("volume", value, int(index), f"a price of {prices} between the two")
    swapped = is_swapped & ~is_right
    content = content.with_columns(
        volume=np.where(swapped, quote, base), quote_volume=np.where(swapped, base, quote)
    )
    return content.noted(f"volumes of {int(swapped.sum())} rows were swapped") if swapped.any() else content


def _is_price(base: np.ndarray, quote: np.ndarray, columns: dict[str, np.ndarray]) -> np.ndarray:
    low, high = base * columns["low"] / _ALLOWED, base * columns["high"] * _ALLOWED
    is_price: np.ndarray = (quote >= low) & (quote <= high)
    return is_price


LAYOUT = Layout(
    name="crypto_data_download",
    header=(
        "unix",
        "date",
        "symbol",
        "open",
        "high",
        "low",
        "close",
        "volume_base",
        "volume_quote",
        "tradecount",
    ),
    optional=("tradecount",),
    kinds={
        "bars": {
            "ts": "unix",
            "written": "date",
            "symbol": "symbol",
            "open": "open",
            "high": "high",
            "low": "low",
            "close": "close",
            "volume": "volume_base",
            "quote_volume": "volume_quote",
            "trades": "tradecount",
        }
    },
    names=_coin_names,
    states=_states,
    refine=_refined,
    may_mix_units=True,
)
