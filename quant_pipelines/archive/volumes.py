"""Volumes in base units: what a file counts in quote or in contracts is divided or multiplied."""

from quant_pipelines.archive.layouts.layout import Content
from quant_pipelines.core.bars import PRICE_COLUMNS
from quant_pipelines.core.errors import ConfigurationError


def in_base_units(content: Content) -> Content:
    """Bars whose volumes count the base coin, by what was said of their unit.

    A volume in quote is divided by the bar's price, the mean of its four, and kept as quote volume.

    Raises
    ------
    ConfigurationError
        If contracts are said and not how large one is.
    """
    asked, volume = content.asked, content.columns["volume"]
    if asked.volume_unit == "quote":
        price = sum(content.columns[name] for name in PRICE_COLUMNS) / len(PRICE_COLUMNS)
        return content.with_columns(volume=volume / price, quote_volume=volume)
    if asked.volume_unit == "contracts":
        if not asked.contract_size:
            raise ConfigurationError("--contract-size missing; expected with --volume-unit contracts")
        return content.with_columns(volume=volume * asked.contract_size)
    return content
