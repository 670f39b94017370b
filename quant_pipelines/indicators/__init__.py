"""Indicators, a file each: arrays in, arrays of the same length out, ``out[i]`` uses bars ``[: i + 1]``."""

from quant_pipelines.indicators.atr import atr
from quant_pipelines.indicators.bollinger import Bands, bollinger
from quant_pipelines.indicators.ema import ema
from quant_pipelines.indicators.rolling_std import rolling_std
from quant_pipelines.indicators.sma import sma

__all__ = ["Bands", "atr", "bollinger", "ema", "rolling_std", "sma"]
