"""Open interest as Binance publishes it by day, every five minutes and in no order of time."""

from quant_pipelines.archive.layouts.layout import Layout
from quant_pipelines.archive.layouts.vision_klines import EXCHANGES

_RATIOS = (
    "count_toptrader_long_short_ratio",
    "sum_toptrader_long_short_ratio",
    "count_long_short_ratio",
    "sum_taker_long_short_vol_ratio",
)

LAYOUT = Layout(
    name="vision_metrics",
    header=("create_time", "symbol", "sum_open_interest", "sum_open_interest_value", *_RATIOS),
    optional=_RATIOS,
    kinds={
        "open_interest": {
            "ts": "create_time",
            "symbol": "symbol",
            "open_interest": "sum_open_interest",
            "open_interest_value": "sum_open_interest_value",
        }
    },
    exchanges=EXCHANGES,
    is_unordered=True,
)
