"""Too young: its usual behavior is not known yet."""

from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.hotlist.filter import Filter, Tradability


def _fault(seen: Tradability, settings: HotListSettings) -> str:
    if seen.listed_days is None or seen.listed_days >= settings.least_age_days:
        return ""
    return (
        f"{seen.symbol} is listed for {seen.listed_days:.1f} days; "
        f"expected at least {settings.least_age_days:g} (hotlist.least_age_days)"
    )


AGE = Filter("age", _fault)
