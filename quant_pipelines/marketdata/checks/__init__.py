"""Quality checks: pure functions from market data to findings, one table."""

from collections.abc import Callable
from typing import NamedTuple

from quant_pipelines.core.price_factors import PRICE_SCALE
from quant_pipelines.marketdata.checks.crossed import CROSSED_BOOK, check_tops
from quant_pipelines.marketdata.checks.finding import BLOCK, WARNING, Day, Finding
from quant_pipelines.marketdata.checks.funding import (
    MISSING_FUNDING,
    OFF_SLOT_FUNDING,
    check_funding,
)
from quant_pipelines.marketdata.checks.funding_rates import FUNDING_RATE, check_funding_rates
from quant_pipelines.marketdata.checks.gaps import find_gaps
from quant_pipelines.marketdata.checks.half_open import find_half_open, find_suspected_half_open
from quant_pipelines.marketdata.checks.mismatch import (
    ROLL_UP_MISMATCH,
    SOURCE_MISMATCH,
    Agreement,
    find_mismatches,
    other_venue,
    same_venue,
)
from quant_pipelines.marketdata.checks.ohlc import find_ohlc
from quant_pipelines.marketdata.checks.open_interest import (
    OPEN_INTEREST,
    check_open_interest,
    check_value_held,
)
from quant_pipelines.marketdata.checks.outliers import find_outliers
from quant_pipelines.marketdata.checks.price_scale import check_price_scale
from quant_pipelines.marketdata.checks.quiet import find_frozen_price, find_zero_volume
from quant_pipelines.marketdata.checks.revisions import REVISED_BARS
from quant_pipelines.marketdata.checks.stale import find_stale
from quant_pipelines.marketdata.checks.times import UNORDERED, find_duplicates, find_off_grid
from quant_pipelines.marketdata.checks.volume_unit import VOLUME_UNIT, check_volume_unit

BARS, FUNDING = "bars", "funding"
"""What asking the exchange again can mend."""


class BarCheck(NamedTuple):
    """One row of the table.

    Parameters
    ----------
    find
        Looks at a day of bars; None for a check that is fed with something else.
    mend
        What is fetched again to mend it: `BARS`, `FUNDING`, or "" where asking again mends nothing.
    is_suspicion
        Whether the exchange may confirm that the odd bars are as they are.
    description
        Shown to people.
    """

    find: Callable[[Day], Finding | None] | None
    mend: str
    is_suspicion: bool
    description: str


CHECKS: dict[str, BarCheck] = {
    "gaps": BarCheck(find_gaps, BARS, False, "Bars that should be there and are not."),
    "duplicates": BarCheck(find_duplicates, BARS, False, "Bars whose open time is there twice."),
    "off_grid": BarCheck(find_off_grid, BARS, False, "Bars that open beside the grid of their timeframe."),
    "ohlc": BarCheck(find_ohlc, BARS, False, "Bars whose prices contradict each other."),
    "half_open_bar": BarCheck(
        find_half_open, BARS, False, "Bars that are stored although they have not closed."
    ),
    "suspected_half_open_bar": BarCheck(
        find_suspected_half_open, BARS, True, "Bars whose close is far from the next bar's open."
    ),
    "outliers": BarCheck(
        find_outliers, BARS, True, "Prices that leave their surroundings and come back at once."
    ),
    "zero_volume": BarCheck(find_zero_volume, BARS, True, "Long runs of bars without volume."),
    "frozen_price": BarCheck(
        find_frozen_price, BARS, True, "Long runs of traded bars with one and the same price."
    ),
    "stale_feed": BarCheck(find_stale, BARS, False, "Today's newest bars do not come."),
    ROLL_UP_MISMATCH: BarCheck(
        None, BARS, False, "Bars of the exchange that differ from the roll-ups of its 1-minute bars."
    ),
    SOURCE_MISMATCH: BarCheck(None, "", False, "Bars that are far from those of another source."),
    REVISED_BARS: BarCheck(
        None, "", False, "Bars that the exchange changed after their close, in the last 7 days."
    ),
    OFF_SLOT_FUNDING: BarCheck(None, FUNDING, False, "Funding payments beside their slots."),
    MISSING_FUNDING: BarCheck(None, FUNDING, False, "Funding slots without a payment."),
    UNORDERED: BarCheck(None, "", False, "Rows of a file that are not in order of time."),
    CROSSED_BOOK: BarCheck(None, "", False, "Order books whose best bid reaches their best ask."),
    VOLUME_UNIT: BarCheck(None, "", False, "Volumes that count quote or contracts, by witnesses."),
    FUNDING_RATE: BarCheck(None, "", False, "Funding rates that no exchange pays: quote, or percent."),
    OPEN_INTEREST: BarCheck(None, "", False, "Open interest that counts quote or contracts."),
    PRICE_SCALE: BarCheck(None, "", False, "Redenominations and splits without a recorded factor."),
}
"""Every check that there is."""

MENDABLE = tuple(name for name, check in CHECKS.items() if check.mend)
SUSPICIONS = tuple(name for name, check in CHECKS.items() if check.is_suspicion)

VALUE_CHECKS = (VOLUME_UNIT, FUNDING_RATE, OPEN_INTEREST, PRICE_SCALE)
"""Values that no market can have: nothing is computed from them before a person says that they are right."""

IN_FILES_ONLY = (UNORDERED,)
"""Checks of files: nothing that is stored can have these faults."""

__all__ = [
    "BARS",
    "BLOCK",
    "CHECKS",
    "CROSSED_BOOK",
    "FUNDING",
    "FUNDING_RATE",
    "IN_FILES_ONLY",
    "MENDABLE",
    "MISSING_FUNDING",
    "OFF_SLOT_FUNDING",
    "OPEN_INTEREST",
    "PRICE_SCALE",
    "REVISED_BARS",
    "ROLL_UP_MISMATCH",
    "SOURCE_MISMATCH",
    "SUSPICIONS",
    "UNORDERED",
    "VALUE_CHECKS",
    "VOLUME_UNIT",
    "WARNING",
    "Agreement",
    "BarCheck",
    "Day",
    "Finding",
    "check_funding",
    "check_funding_rates",
    "check_open_interest",
    "check_value_held",
    "check_price_scale",
    "check_volume_unit",
    "check_tops",
    "find_mismatches",
    "other_venue",
    "same_venue",
]
