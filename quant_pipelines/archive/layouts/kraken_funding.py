"""Funding of Kraken's futures: ``fundingRate`` is quote per contract, the fraction is the relative one."""

from quant_pipelines.archive.layouts.layout import Layout

LAYOUT = Layout(
    name="kraken_funding",
    header=("timestamp", "fundingrate", "relativefundingrate"),
    optional=("fundingrate",),
    kinds={"funding": {"ts": "timestamp", "rate": "relativefundingrate"}},
    exchanges=("krakenfutures",),
)
