"""Funding, mark prices and open interest as they were recorded; see ``DerivativesPort``.

Each series is played to its own end. What is not recorded is not there: no index price, no funding where the
archive has none, no mark price once prices themselves are no longer recorded.
"""

from functools import cache

import numpy as np

from quant_pipelines.archive import Points
from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import HOUR_MS, from_ms
from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import Crowd, Funding
from quant_pipelines.simulator.recorded.market import RecordedMarket
from quant_pipelines.simulator.recorded.recording import Recording

_OLDEST_INTEREST_MS = HOUR_MS  # a measurement that is older says nothing about now


class RecordedDerivatives:
    """What surrounds the prices of a recorded market.

    Parameters
    ----------
    recording
        What was recorded.
    market
        The market that plays it.
    """

    def __init__(self, recording: Recording, market: RecordedMarket) -> None:
        self._symbols = recording.symbols
        self._market = market
        self._shift_ms = market.anchor.shift_ms
        self._slots = cache(self._make_slots)

    def slots(self, listing: Listing, first_ms: int, last_ms: int) -> list[int]:
        """Return the recorded slots in ``[first_ms, last_ms]``."""
        slots = self._slots(listing.name)
        first, end = np.searchsorted(slots, [first_ms - self._shift_ms, last_ms - self._shift_ms + 1])
        return [int(slot) + self._shift_ms for slot in slots[first:end]]

    def funding(self, listing: Listing, slot_ms: int) -> Funding:
        """Return the funding of a recorded slot, with the mark price that is known at exactly the slot."""
        one, slot = self._symbols[listing.name], slot_ms - self._shift_ms
        at = int(np.searchsorted(self._slots(listing.name), slot))
        if one.funding is None or at == len(one.funding.ts):
            raise DataError(
                f"{listing.name} has no funding at {from_ms(slot):%Y-%m-%d %H:%M}; expected a slot"
            )
        stamp, rate = int(one.funding.ts[at]), float(one.funding.values[at])
        mark = _at(one.mark, slot) if slot < one.end_ms else None
        return Funding(stamp + self._shift_ms, rate, mark)

    def next_slot(self, listing: Listing, now_ms: int) -> int:
        """Time of the next funding by the contract's usual interval."""
        step = listing.funding_interval_hours * HOUR_MS
        return (now_ms // step + 1) * step

    def expected_rate(self, listing: Listing, now_ms: int) -> float | None:
        """Rate that was paid last: what will be paid next is the future."""
        funding = self._symbols[listing.name].funding
        if funding is None:
            return None
        at = _last_known(funding, now_ms - self._shift_ms)
        return float(funding.values[at]) if at >= 0 else None

    def has_marks(self, listing: Listing) -> bool:
        """Whether the archive has mark prices of a contract."""
        return self._symbols[listing.name].mark is not None

    def mark_price(self, listing: Listing, at_ms: int) -> float | None:
        """Price now, in the proportion that mark had to price when it was recorded last."""
        one, at = self._symbols[listing.name], at_ms - self._shift_ms
        if one.mark is None or at >= one.end_ms:
            return None
        position = _last_known(one.mark, at)
        if position < 0 or at - int(one.mark.ts[position]) >= one.mark_step_ms:
            return None
        price = self._market.minute_price(listing.name, int(one.mark.ts[position]) + self._shift_ms)
        if not price:
            return None
        return self._market.price(listing.name, at_ms) * float(one.mark.values[position]) / price

    def index_price(self, _listing: Listing, _at_ms: int) -> None:
        """Return nothing: archives have no index prices."""

    def long_share(self, _listing: Listing, _at_ms: int, _crowd: Crowd) -> None:
        """Return nothing: archives don't tell it."""

    def open_interest(self, listing: Listing, at_ms: int) -> float | None:
        """Measurement of the last hour."""
        points, at = self._symbols[listing.name].open_interest, at_ms - self._shift_ms
        position = -1 if points is None else _last_known(points, at)
        if points is None or position < 0 or at - int(points.ts[position]) >= _OLDEST_INTEREST_MS:
            return None
        return float(points.values[position])

    def interest_times(self, listing: Listing, first_ms: int, last_ms: int, step_ms: int) -> list[int]:
        """Return the recorded measurements that lie on the grid."""
        points = self._symbols[listing.name].open_interest
        if points is None:
            return []
        first, end = np.searchsorted(points.ts, [first_ms - self._shift_ms, last_ms - self._shift_ms + 1])
        return [int(ts) + self._shift_ms for ts in points.ts[first:end] if ts % step_ms == 0]

    def _make_slots(self, name: str) -> IntArray:
        funding = self._symbols[name].funding
        return np.empty(0, np.int64) if funding is None else funding.ts // HOUR_MS * HOUR_MS


def _last_known(points: Points, at: int) -> int:
    return int(np.searchsorted(points.ts, at, side="right")) - 1


def _at(points: Points | None, at: int) -> float | None:
    position = -1 if points is None else _last_known(points, at)
    if points is None or position < 0 or int(points.ts[position]) != at:
        return None
    return float(points.values[position])
