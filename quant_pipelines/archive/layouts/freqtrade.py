"""Files of freqtrade: pair and step in the name, funding in columns of bars, arrays without names."""

import re

import numpy as np

from quant_pipelines.archive.layouts.layout import Content, Layout, Statement
from quant_pipelines.archive.preview import Preview

_NAME = re.compile(
    r"(?P<pair>[^-]+_[^-]+)-(?P<step>\d+[mhdwM])(?:-(?P<kind>\w+))?\.(?:feather|parquet|json|json\.gz)$"
)
_HOLDS = {
    "mark": "mark prices",
    "index": "index prices",
    "premiumIndex": "premiums",
    "funding_rate": "funding",
}
_COLUMNS = ("date", "open", "high", "low", "close", "volume")
_BARS = {"ts": "date"} | {name: name for name in _COLUMNS[1:]}


def _is_funding(preview: Preview) -> bool:
    return "funding" in preview.path.name.lower()


def _is_named(preview: Preview) -> bool:
    return _NAME.match(preview.path.name) is not None and not _is_funding(preview)


def _states(preview: Preview) -> Statement:
    match = _NAME.match(preview.path.name)
    if match is None:
        return Statement()
    kind = match["kind"] or ""
    # The step in the name of a file of funding is not the interval of its payments.
    step = "" if kind == "funding_rate" else match["step"]
    return Statement(match["pair"], step, kind=_HOLDS.get(kind, ""))


def _is_array(preview: Preview) -> bool:
    return preview.form == "JSON" and preview.width == len(_COLUMNS) and not _is_funding(preview)


def _is_array_of_funding(preview: Preview) -> bool:
    return preview.form == "JSON" and preview.width == len(_COLUMNS) and _is_funding(preview)


def _rates_only(content: Content) -> Content:
    for name in _COLUMNS[2:]:
        odd = np.flatnonzero(np.nan_to_num(content.columns[name]) != 0)
        for index in odd:
            value = content.columns[name][index]
            raise content.origin.fault(name, value, int(index), "0 beside a funding rate in open")
    return content


BARS_LAYOUT = Layout(
    name="freqtrade_bars",
    header=_COLUMNS,
    kinds={"bars": _BARS},
    is_of=_is_named,
    is_headerless=_is_array,
    states=_states,
)

FUNDING_LAYOUT = Layout(
    name="freqtrade_funding",
    header=_COLUMNS,
    kinds={"funding": {"ts": "date", "rate": "open"} | {name: name for name in _COLUMNS[2:]}},
    is_of=_is_funding,
    is_headerless=_is_array_of_funding,
    states=_states,
    refine=_rates_only,
)

RATE_LAYOUT = Layout(
    name="freqtrade_funding_rate",
    header=("date", "funding_rate"),
    kinds={"funding": {"ts": "date", "rate": "funding_rate"}},
    states=_states,
)

INTEREST_LAYOUT = Layout(
    name="freqtrade_open_interest",
    header=("date", "open_interest_amount", "open_interest_value"),
    optional=("open_interest_value",),
    kinds={
        "open_interest": {
            "ts": "date",
            "open_interest": "open_interest_amount",
            "open_interest_value": "open_interest_value",
        }
    },
    states=_states,
)
