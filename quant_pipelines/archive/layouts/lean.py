"""Files of LEAN: bars by hour and day with text times, by minute with milliseconds of a day, funding."""

import re

from quant_pipelines.archive.layouts.layout import Layout, Statement
from quant_pipelines.archive.preview import Preview

_COLUMNS = ("time", "open", "high", "low", "close", "volume")
_BARS = {"bars": {"ts": "time"} | {name: name for name in _COLUMNS[1:]}}
_HOUR = re.compile(r"\d{8} \d{2}:\d{2}")
_SLOT = re.compile(r"\d{8} \d{2}:\d{2}:\d{2}")
_NAME = re.compile(r"(?P<symbol>[a-z0-9]+)_trade")
_MINUTE_NAME = re.compile(r"(?P<day>\d{8})_(?P<symbol>[a-z0-9]+)_minute_trade")
_FUNDING_NAME = re.compile(r"(?:margin_interest_)?(?P<symbol>[a-z0-9]+)\.csv")


def _is_by_hour(preview: Preview) -> bool:
    return preview.width == len(_COLUMNS) and _HOUR.fullmatch(preview.rows[0][0]) is not None


def _is_by_minute(preview: Preview) -> bool:
    return preview.width == len(_COLUMNS) and _MINUTE_NAME.match(preview.content_name) is not None


def _is_funding(preview: Preview) -> bool:
    return preview.width == 2 and _SLOT.fullmatch(preview.rows[0][0]) is not None


def _names_symbol(preview: Preview) -> Statement:
    match = _NAME.match(preview.content_name)
    return Statement(match["symbol"]) if match else Statement()


def _names_day(preview: Preview) -> Statement:
    match = _MINUTE_NAME.match(preview.content_name)
    return Statement(match["symbol"], "1m", day=match["day"]) if match else Statement()


def _names_funding(preview: Preview) -> Statement:
    match = _FUNDING_NAME.fullmatch(preview.content_name)
    return Statement(match["symbol"]) if match else Statement()


BARS_LAYOUT = Layout(
    name="lean_bars",
    header=_COLUMNS,
    kinds=_BARS,
    is_of=lambda _: False,  # with a header it is anybody's
    is_headerless=_is_by_hour,
    states=_names_symbol,
    is_sparse=True,
)

MINUTE_LAYOUT = Layout(
    name="lean_minute_bars",
    header=_COLUMNS,
    kinds=_BARS,
    is_of=lambda _: False,
    is_headerless=_is_by_minute,
    states=_names_day,
    is_sparse=True,
)

FUNDING_LAYOUT = Layout(
    name="lean_margin_interest",
    header=("time", "rate"),
    kinds={"funding": {"ts": "time", "rate": "rate"}},
    is_of=lambda _: False,
    is_headerless=_is_funding,
    states=_names_funding,
)
