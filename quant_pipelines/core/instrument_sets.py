"""Names of instrument sets: symbols that are traded together, joined by ``+`` in the order that was given.

The order belongs to the name: a strategy of two legs tells them apart.
"""

from collections.abc import Sequence

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.symbols import require_symbol

_JOINT = "+"


def set_name(symbols: Sequence[str], exchange: str = "") -> str:
    """Name of a set; that of one symbol is the symbol.

    Parameters
    ----------
    symbols
        ccxt form.
    exchange
        ccxt id whose market they must be of; empty takes contracts and pairs.

    Raises
    ------
    ConfigurationError
        If there is no symbol, one is given twice, or one can't be traded.
    """
    if not symbols or len(set(symbols)) < len(symbols):
        raise ConfigurationError(f"symbols are {list(symbols)}; expected one or more, each once")
    return _JOINT.join(require_symbol(symbol, exchange) for symbol in symbols)


def symbols_of(name: str) -> tuple[str, ...]:
    """Symbols of a set by its name."""
    return tuple(part.strip() for part in name.split(_JOINT))


def is_set(name: str) -> bool:
    """Whether a name stands for several symbols."""
    return _JOINT in name
