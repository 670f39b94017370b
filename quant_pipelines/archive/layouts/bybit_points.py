"""Funding and open interest of Bybit's API, newest first; the symbol of open interest stands around its rows.

Bybit's documentation, V5, "Get Funding Rate History" and "Get Open Interest": ``result.list`` and its fields.
"""

from quant_pipelines.archive.layouts.layout import Layout, Statement
from quant_pipelines.archive.preview import Preview


def _states(preview: Preview) -> Statement:
    return Statement(preview.metadata.get("symbol", ""))


FUNDING_LAYOUT = Layout(
    name="bybit_funding",
    header=("symbol", "fundingrate", "fundingratetimestamp"),
    kinds={"funding": {"ts": "fundingratetimestamp", "symbol": "symbol", "rate": "fundingrate"}},
    exchanges=("bybit",),
)

INTEREST_LAYOUT = Layout(
    name="bybit_open_interest",
    header=("openinterest", "timestamp"),
    kinds={"open_interest": {"ts": "timestamp", "open_interest": "openinterest"}},
    is_of=lambda preview: "category" in preview.metadata,
    states=_states,
    exchanges=("bybit",),
)
