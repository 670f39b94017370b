"""Funding and open interest of Tardis' tickers: a row for every change, empty until it is known."""

import numpy as np

from quant_pipelines.archive.layouts.layout import Content, Layout
from quant_pipelines.core.timeframes import MINUTE_MS

_STEP_MS = 5 * MINUTE_MS


def _points(content: Content) -> Content:
    if "rate" in content.columns:
        return _paid(content)
    known = content.taken(~np.isnan(content.columns["open_interest"]))
    # Held at the end of every five minutes: the last value before.
    return _last_of(known, known.ts // _STEP_MS * _STEP_MS + _STEP_MS)


def _paid(content: Content) -> Content:
    """Rates as they stood last before their slot; a slot that the file does not reach is not known yet."""
    columns = content.columns
    known = ~np.isnan(columns["rate"]) & ~np.isnan(columns["funding_time"])
    slots = np.where(known, columns["funding_time"], 0).astype(np.int64) // 1000  # microseconds
    end = content.ts[-1] if content.ts.size else 0
    chosen = known & (content.ts < slots) & (slots <= end)
    return _last_of(content.taken(chosen), slots[chosen])


def _last_of(content: Content, ts: np.ndarray) -> Content:
    is_last = np.ones(ts.size, dtype=bool)
    is_last[:-1] = ts[1:] != ts[:-1]
    return content.taken(is_last).with_columns(ts=ts[is_last])


_COLUMNS = ("exchange", "symbol", "timestamp", "local_timestamp", "funding_timestamp", "funding_rate")
_COMMON = {"ts": "timestamp", "exchange": "exchange", "symbol": "symbol"}

LAYOUT = Layout(
    name="tardis_derivative_ticker",
    header=(
        *_COLUMNS,
        "predicted_funding_rate",
        "open_interest",
        "last_price",
        "index_price",
        "mark_price",
    ),
    optional=("predicted_funding_rate", "last_price", "index_price", "mark_price"),
    kinds={
        "funding": _COMMON | {"rate": "funding_rate", "funding_time": "funding_timestamp"},
        "open_interest": _COMMON | {"open_interest": "open_interest"},
    },
    refine=_points,
    is_unordered=True,
    has_gaps=True,
)
