"""Exchanges that are known, by ccxt id, and what is traded there."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from quant_pipelines.core.errors import ConfigurationError, unknown_name

MarketType: TypeAlias = Literal["swap", "spot"]
"""``swap``: linear perpetual contracts; ``spot``: pairs, as history only."""

EXCHANGES: Final[Mapping[str, MarketType]] = MappingProxyType(
    {
        "binanceusdm": "swap",
        "binance": "spot",
        "okx": "swap",
        "bybit": "swap",
        "gate": "swap",
        "bitget": "swap",
    }
)
"""What is traded at each exchange, by ccxt id."""


def require_exchange(name: str) -> str:
    """Prove that an exchange is known, and return it.

    Raises
    ------
    ConfigurationError
        If it is not; the nearest one is suggested.

    Examples
    --------
    >>> require_exchange("okx")
    'okx'
    """
    if name not in EXCHANGES:
        raise ConfigurationError(unknown_name("exchange id", name, EXCHANGES))
    return name
