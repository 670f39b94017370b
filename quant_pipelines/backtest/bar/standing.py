"""Stops of a position whose orders stand at a venue: the step's own rules, at a fill and at a bar's close.

The bar step fills what its stops reach; here the venue does, so the stops only move. Nothing is filled.
"""

from quant_pipelines.accounting.account import Account
from quant_pipelines.backtest.bar.stops import (
    NOTHING_STANDS,
    Seen,
    Standing,
    StopTerms,
    entered,
    moved,
    resized,
    watched,
)
from quant_pipelines.core.jit import kernel


@kernel
def standing_at_entry(account: Account, bar_ms: int, seen: Seen, stops: StopTerms) -> Standing:
    """Return the stop of a position entered at its average price, in the bar that opened at ``bar_ms``."""
    return resized(account, entered(bar_ms, account.entry_price, seen, stops), seen, stops)


@kernel
def standing_resized(account: Account, standing: Standing, seen: Seen, stops: StopTerms) -> Standing:
    """Return the stop of a position whose size or average price has changed."""
    return resized(account, standing, seen, stops)


@kernel
def standing_at_close(
    account: Account, standing: Standing, extremes: Seen, before: Seen, stops: StopTerms
) -> Standing:
    """Return the stop at a bar's close; ``extremes`` are that bar's, ``before`` those of the bar before."""
    if account.position == 0.0:
        return NOTHING_STANDS
    return watched(moved(account, standing, before, stops), account.position, extremes, before, stops)
