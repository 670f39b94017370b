"""Funding of OKX: its archive by month of Hong Kong, and its API, where ``realizedRate`` is what was paid."""

from quant_pipelines.archive.layouts.layout import Layout
from quant_pipelines.archive.preview import Preview


def _is_of_all_swaps(preview: Preview) -> bool:
    return preview.path.name.startswith("allswap-")


LAYOUT = Layout(
    name="okx_funding",
    header=("instrument_name", "funding_rate", "funding_time"),
    kinds={"funding": {"ts": "funding_time", "symbol": "instrument_name", "rate": "funding_rate"}},
    exchanges=("okx",),
    holds_many=_is_of_all_swaps,
)

API_LAYOUT = Layout(
    name="okx_api_funding",
    header=("insttype", "instid", "fundingrate", "realizedrate", "fundingtime", "method", "formulatype"),
    optional=("insttype", "fundingrate", "method", "formulatype"),
    kinds={"funding": {"ts": "fundingtime", "symbol": "instid", "rate": "realizedrate"}},
    exchanges=("okx",),
)
