"""What other people call their columns: accepted headers of each kind of file, compared without case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from quant_pipelines.archive.preview import plain_name
from quant_pipelines.core.errors import DataError, unknown_name

_TIMES = "ts timestamp time date datetime datetime_utc open_time start_time unix"
_INDEXES = ("", "unnamed:_0", "__index_level_0__", "index")
"""What pandas calls an index without a name: it is the time where no other column is."""

_ALIASES: Mapping[str, str] = {
    "open": "open o open_price",
    "high": "high h high_price",
    "low": "low l low_price",
    "close": "close c close_price",
    "volume": "volume vol v base_volume volume_base",
    "quote_volume": "quote_volume quote_asset_volume quotevolume volume_quote vol_quote turnover",
    "trades": "trades count number_of_trades num_trades trade_count tradecount",
    "rate": "rate funding_rate fundingrate last_funding_rate",
    "trade_id": "id trade_id",
    "price": "price",
    "quantity": "quantity qty amount size",
    "mark_price": "mark_price markprice",
    "open_interest": "open_interest openinterest sum_open_interest sumopeninterest oi",
    "open_interest_value": "open_interest_value sum_open_interest_value sumopeninterestvalue",
    "symbol": "symbol instrument_name instrument pair ticker",
    "interval": "interval timeframe",
    "close_time": "close_time",
    "exchange": "exchange",
}
# What exporters add beside it, and what nothing here needs.
_IGNORED: Mapping[str, str] = {
    "bars": "ignore taker_buy_volume taker_buy_base_volume "
    "taker_buy_quote_volume taker_buy_base_asset_volume taker_buy_quote_asset_volume",
    "funding": "slot funding_interval_hours",
    "open_interest": "cmccirculatingsupply",
    "trades": "side",
}
BESIDE: Mapping[str, str] = {"funding": "open_interest", "open_interest": "funding"}
"""Kind whose columns may stand in the same file."""


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


_NAMED = ("symbol", "exchange")
KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "bars",
            ("ts", "open", "high", "low", "close", "volume"),
            ("quote_volume", "trades", "close_time", "interval", *_NAMED),
            _TIMES,
        ),
        Kind(
            "funding",
            ("ts", "rate"),
            ("mark_price", *_NAMED),
            f"{_TIMES} calc_time funding_time fundingtime fundingratetimestamp",
        ),
        Kind(
            "open_interest",
            ("ts", "open_interest"),
            ("open_interest_value", *_NAMED),
            f"{_TIMES} create_time",
        ),
        Kind("trades", ("ts", "price", "quantity"), ("trade_id", *_NAMED), _TIMES),
    )
}
"""Kinds of files that can be brought in, by name."""


def accepted_headers(kind: Kind) -> dict[str, str]:
    """Our column name of every header that a kind of file may have, in lower case with underscores."""
    headers = dict.fromkeys(kind.times.split(), "ts")
    for column in (*kind.required[1:], *kind.optional):
        headers |= dict.fromkeys(_ALIASES[column].split(), column)
    return headers


def shown_kinds(there: Sequence[str], kind: str) -> tuple[str, ...]:
    """Kinds whose columns a file has, so that a row may be of one of them: the asked one first.

    Parameters
    ----------
    there
        Headers of the file.
    kind
        What it should hold; without one its headers tell, and bars are expected where they don't.
    """
    shown = [name for name, one in KINDS.items() if set(one.required[1:]) <= _columns_of(there, one)]
    first = kind or (shown or ["bars"])[0]
    return (first, *(name for name in shown if name == BESIDE.get(first)))


def _columns_of(there: Sequence[str], kind: Kind) -> set[str]:
    headers = accepted_headers(kind)
    return {headers[plain_name(header)] for header in there if plain_name(header) in headers}


def _columns_beside(kind: Kind) -> set[str]:
    other = BESIDE.get(kind.name)
    return set(accepted_headers(KINDS[other])) - set(accepted_headers(kind)) if other else set()


def _without_times(path: Path, there: Sequence[str], kind: Kind) -> DataError:
    known = {*accepted_headers(kind), *_IGNORED[kind.name].split()}
    unknown = ", ".join(repr(header) for header in there if plain_name(header) not in known)
    names = ", ".join(kind.times.split())
    return DataError(
        f"archive file {path} has no column of times by name, but {unknown}; expected one of {names}"
    )


def _without_index(there: Sequence[str], headers: dict[str, str]) -> list[str]:
    """Headers without a frame's index, where another column has the times."""
    has_times = any(headers.get(plain_name(header)) == "ts" for header in there if not _is_index(header))
    return [header for header in there if not (has_times and _is_index(header))]


def _is_index(header: str) -> bool:
    return plain_name(header) in _INDEXES


def match_headers(path: Path, there: Sequence[str], kind: Kind) -> dict[str, str]:
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
    headers, ignored = accepted_headers(kind), set(_IGNORED[kind.name].split()) | _columns_beside(kind)
    found: dict[str, str] = {}
    has_times = any(_is_index(header) or headers.get(plain_name(header)) == "ts" for header in there)
    for header in _without_index(there, headers):
        plain = plain_name(header)
        if plain in ignored:
            continue
        if _is_index(header):
            plain = "ts"
        if plain not in headers and not has_times:
            raise _without_times(path, there, kind)
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
