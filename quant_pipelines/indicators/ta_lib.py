"""TA-Lib, imported when an indicator first asks: it brings pandas along, which takes a second."""

import importlib
from typing import Any


def ta_lib() -> Any:
    """Return the module."""
    return importlib.import_module("talib")
