"""What somebody says of a file before it is read: what it holds, and what the file can't tell itself."""

from dataclasses import dataclass
from typing import Literal

from quant_pipelines.archive.times import DateOrder
from quant_pipelines.core.errors import ConfigurationError

VolumeUnit = Literal["", "base", "quote", "contracts"]
"""What volumes count; empty leaves it to the layout."""

Stamped = Literal["", "open", "close"]
"""Which end of a bar its time means; empty leaves it to the layout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a file is said to be; empty fields are left to the file.

    Parameters
    ----------
    kind
        bars, funding, open_interest or trades.
    symbol
        ccxt form.
    timeframe
        Of bars, or of those that trades are made into.
    exchange
        ccxt id.
    layout
        Name of the layout, where the file does not show it.
    volume_unit
        What its volumes count.
    contract_size
        Base units of one contract; 0 leaves it to the layout.
    stamped
        Which end of a bar its time means.
    zone
        Of times that have none in the file, such as ``+02:00``.
    date_order
        Of dates such as 01-06-2024.
    """

    kind: str = ""
    symbol: str = ""
    timeframe: str = ""
    exchange: str = ""
    layout: str = ""
    volume_unit: VolumeUnit = ""
    contract_size: float = 0.0
    stamped: Stamped = ""
    zone: str = ""
    date_order: DateOrder = ""

    def __post_init__(self) -> None:
        if not 0 <= self.contract_size < float("inf"):
            raise ConfigurationError(f"contract size is {self.contract_size}; expected base units above 0")
