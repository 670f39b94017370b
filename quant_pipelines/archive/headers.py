"""What other people call their columns: accepted headers of each kind of file, compared without case."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from quant_pipelines.core.errors import DataError, unknown_name

_TIMES = "ts timestamp time date datetime open_time start_time unix"
_ALIASES: Mapping[str, str] = {
    "open": "open o open_price",
    "high": "high h high_price",
    "low": "low l low_price",
    "close": "close c close_price",
    "volume": "volume vol v base_volume volume_base",
    "quote_volume": "quote_volume quote_asset_volume quotevolume volume_quote turnover",
    "trades": "trades count number_of_trades num_trades trade_count tradecount",
    "rate": "rate funding_rate fundingrate last_funding_rate",
    "mark_price": "mark_price markprice",
    "open_interest": "open_interest openinterest sum_open_interest sumopeninterest oi",
}
# What exporters add beside it, and what nothing here needs.
_IGNORED: Mapping[str, str] = {
    "bars": "close_time symbol timeframe interval ignore taker_buy_volume taker_buy_base_volume "
    "taker_buy_quote_volume taker_buy_base_asset_volume taker_buy_quote_asset_volume",
    "funding": "symbol slot funding_interval_hours",
    "open_interest": "symbol sum_open_interest_value sumopeninterestvalue cmccirculatingsupply",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of series in a file.

    Parameters
    ----------
    name
        Such as ``bars``.
    required, optional
        Columns by our names; ``ts`` comes first.
    times
        Accepted headers of ``ts``.
    """

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    times: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind("bars", ("ts", "open", "high", "low", "close", "volume"), ("quote_volume", "trades"), _TIMES),
        Kind("funding", ("ts", "rate"), ("mark_price",), f"{_TIMES} calc_time funding_time fundingtime"),
        Kind("open_interest", ("ts", "open_interest"), (), f"{_TIMES} create_time"),
    )
}
"""Kinds of files that can be brought in, by name."""


def accepted_headers(kind: Kind) -> dict[str, str]:
    """Our column name of every header that a kind of file may have, in lower case with underscores."""
    headers = dict.fromkeys(kind.times.split(), "ts")
    for column in (*kind.required[1:], *kind.optional):
        headers |= dict.fromkeys(_ALIASES[column].split(), column)
    return headers


def match_headers(path: Path, there: list[str], kind: Kind) -> dict[str, str]:
    """Header in the file of each of our columns.

    Parameters
    ----------
    path
        File, for the sentence.
    there
        Its headers.
    kind
        What it should hold.

    Raises
    ------
    DataError
        If a header is unknown or stands for a column that another one stands for, or a column is missing.
    """
    headers, ignored = accepted_headers(kind), set(_IGNORED[kind.name].split())
    found: dict[str, str] = {}
    for header in there:
        plain = re.sub(r"[\s-]+", "_", header.strip().lower())
        if plain in ignored:
            continue
        if plain not in headers:
            raise DataError(f"archive file {path}: {unknown_name('column', header, headers)}")
        column = headers[plain]
        if column in found:
            raise DataError(
                f"archive file {path}: columns {found[column]!r} and {header!r} both mean {column}; "
                "expected one"
            )
        found[column] = header
    missing = [column for column in kind.required if column not in found]
    if missing:
        raise DataError(
            f"archive file {path} has no column {', '.join(missing)}; its headers are {', '.join(there)}"
        )
    return found
