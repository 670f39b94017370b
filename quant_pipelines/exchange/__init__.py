"""The exchange behind one port: ``MarketSource``; ccxt is imported here and nowhere else."""

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.points import FundingRate, OpenInterest, PricePoint
from quant_pipelines.exchange.ccxt_source import CcxtSource
from quant_pipelines.exchange.client import connect
from quant_pipelines.exchange.market_source import (
    BookSnapshot,
    BookTop,
    LiveBar,
    MarketSource,
    MarkPrice,
    PublicTrade,
)

__all__ = [
    "MarketSource",
    "CcxtSource",
    "BarRows",
    "FundingRate",
    "OpenInterest",
    "LiveBar",
    "PublicTrade",
    "BookTop",
    "BookSnapshot",
    "MarkPrice",
    "PricePoint",
    "connect",
]
