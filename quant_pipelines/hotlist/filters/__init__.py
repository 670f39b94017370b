"""The table of what leaves a symbol out of the scores: one file each, one row here."""

from typing import Final

from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.hotlist.filter import Exclusion, Filter, Tradability
from quant_pipelines.hotlist.filters.age import AGE
from quant_pipelines.hotlist.filters.liquidity import LIQUIDITY
from quant_pipelines.hotlist.filters.smallest_order import SMALLEST_ORDER

FILTERS: Final[tuple[Filter, ...]] = (LIQUIDITY, AGE, SMALLEST_ORDER)


def exclusions(seen: Tradability, settings: HotListSettings) -> list[Exclusion]:
    """Every filter that leaves a symbol out, each with its sentence; none where it is scored."""
    faults = ((one.name, one.fault(seen, settings)) for one in FILTERS)
    return [Exclusion(seen.symbol, name, sentence) for name, sentence in faults if sentence]
