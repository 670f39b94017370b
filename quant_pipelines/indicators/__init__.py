"""Indicators, a file each: arrays in, arrays of the same length out, ``out[i]`` uses bars ``[: i + 1]``."""

from quant_pipelines.indicators.atr import atr
from quant_pipelines.indicators.bollinger import Bands, bollinger
from quant_pipelines.indicators.ema import ema
from quant_pipelines.indicators.memo import Memo, remembered, remembering
from quant_pipelines.indicators.rolling_std import rolling_std
from quant_pipelines.indicators.sma import sma

atr = remembered(atr)
bollinger = remembered(bollinger)
ema = remembered(ema)
rolling_std = remembered(rolling_std)
sma = remembered(sma)

__all__ = ["Bands", "Memo", "atr", "bollinger", "ema", "remembering", "rolling_std", "sma"]
