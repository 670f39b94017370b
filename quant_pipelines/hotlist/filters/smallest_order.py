"""The smallest order is too large for the books that would trade it."""

from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.hotlist.filter import Filter, Tradability


def _fault(seen: Tradability, settings: HotListSettings) -> str:
    if seen.smallest_order <= settings.largest_smallest_order:
        return ""
    return (
        f"the smallest order of {seen.symbol} costs {seen.smallest_order:,.2f} (quote currency); "
        f"expected at most {settings.largest_smallest_order:,.2f} (hotlist.largest_smallest_order)"
    )


SMALLEST_ORDER = Filter("smallest_order", _fault)
