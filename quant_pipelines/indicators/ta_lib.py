"""TA-Lib, imported when an indicator first asks: it brings pandas along, which takes a second."""

import importlib
from typing import Any


def ta_lib() -> Any:
    """Return the module.

    Examples
    --------
    >>> from quant_pipelines.indicators.ta_lib import ta_lib
    >>> ta_lib().__name__
    'talib'
    """
    return importlib.import_module("talib")
