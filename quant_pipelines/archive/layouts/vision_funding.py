"""Funding as Binance publishes it by month."""

import re

from quant_pipelines.archive.layouts.layout import Layout, Statement
from quant_pipelines.archive.layouts.vision_klines import EXCHANGES
from quant_pipelines.archive.preview import Preview

_NAME = re.compile(r"(?P<symbol>[^-]+)-fundingRate")


def _states(preview: Preview) -> Statement:
    match = _NAME.match(preview.path.name)
    return Statement(match["symbol"]) if match else Statement()


LAYOUT = Layout(
    name="vision_funding",
    header=("calc_time", "funding_interval_hours", "last_funding_rate"),
    kinds={"funding": {"ts": "calc_time", "rate": "last_funding_rate"}},
    states=_states,
    exchanges=EXCHANGES,
)
