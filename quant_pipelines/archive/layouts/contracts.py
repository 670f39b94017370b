"""Base units of one contract, where a file counts contracts."""

from collections.abc import Mapping

from quant_pipelines.archive.layouts.layout import Content
from quant_pipelines.core.errors import DataError

CONTRACT_SIZES: Mapping[str, Mapping[str, float]] = {
    "okx": {"BTC/USDT:USDT": 0.01, "ETH/USDT:USDT": 0.1},
    "gate": {"BTC/USDT:USDT": 0.0001, "ETH/USDT:USDT": 0.01},
}
"""Base units of a contract by exchange and symbol; every other one has to be stated."""


def in_base_units(content: Content, name: str, *, exchange: str) -> Content:
    """Content with a column of contracts counted in base units.

    Raises
    ------
    DataError
        If nobody says how large a contract is.
    """
    size = content.asked.contract_size or CONTRACT_SIZES[exchange].get(content.asked.symbol, 0.0)
    if not size:
        raise DataError(
            f"{content.origin}: {name} counts contracts of {content.asked.symbol}; "
            "expected --contract-size, the base units of one"
        )
    per_unit = max(round(1 / size), 1)
    counted = content.columns[name]
    # Whole contracts in a unit divide without the rounding of a fraction such as 0.0001.
    in_base = counted / per_unit if 1 / per_unit == size else counted * size
    scaled = content.with_columns(**{name: in_base})
    return scaled.noted(f"contracts of {size:g} base units")
