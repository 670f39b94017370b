"""Too little is traded."""

from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.hotlist.filter import Filter, Tradability


def _fault(seen: Tradability, settings: HotListSettings) -> str:
    if seen.daily_volume >= settings.least_volume:
        return ""
    return (
        f"{seen.daily_volume:,.0f} of {seen.symbol} was traded in the last 24 hours (quote currency); "
        f"expected at least {settings.least_volume:,.0f} (hotlist.least_volume)"
    )


LIQUIDITY = Filter("liquidity", _fault)
