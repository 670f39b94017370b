"""Indicators, a file each: arrays in, arrays of the same length out, ``out[i]`` uses bars ``[: i + 1]``.

All of them are NaN where an input is not known (NaN or infinite), and begin anew behind it: the values there
are those of the series that begins there. So an indicator of an indicator is known once both are.
"""

from quant_pipelines.indicators.adx import Direction, adx
from quant_pipelines.indicators.atr import atr
from quant_pipelines.indicators.bollinger import Bands, bollinger
from quant_pipelines.indicators.cointegration import Cointegration, cointegration
from quant_pipelines.indicators.ema import ema
from quant_pipelines.indicators.macd import Macd, macd
from quant_pipelines.indicators.memo import Memo, remembered, remembering
from quant_pipelines.indicators.rolling_range import Range, rolling_range
from quant_pipelines.indicators.rolling_std import rolling_std
from quant_pipelines.indicators.rolling_vwap import rolling_vwap
from quant_pipelines.indicators.rolling_z import rolling_z
from quant_pipelines.indicators.rsi import rsi
from quant_pipelines.indicators.sma import sma
from quant_pipelines.indicators.supertrend import supertrend

adx = remembered(adx)
atr = remembered(atr)
cointegration = remembered(cointegration)
ema = remembered(ema)
rolling_range = remembered(rolling_range)
rolling_std = remembered(rolling_std)
rolling_vwap = remembered(rolling_vwap)
rolling_z = remembered(rolling_z)
rsi = remembered(rsi)
sma = remembered(sma)

__all__ = [
    "Bands",
    "Cointegration",
    "Direction",
    "Macd",
    "Memo",
    "Range",
    "adx",
    "atr",
    "bollinger",
    "cointegration",
    "ema",
    "macd",
    "remembered",
    "remembering",
    "rolling_range",
    "rolling_std",
    "rolling_vwap",
    "rolling_z",
    "rsi",
    "sma",
    "supertrend",
]
