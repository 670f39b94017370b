"""What surrounds a perpetual's price: funding, mark and index price, open interest."""

import math
from functools import lru_cache

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS
from quant_pipelines.simulator.listing import BY_NAME, LISTINGS, Listing, listing_index
from quant_pipelines.simulator.market import SyntheticMarket
from quant_pipelines.simulator.ports import Crowd, Funding
from quant_pipelines.simulator.processes import ornstein_uhlenbeck, stream

OPEN_INTEREST_STEP_MS = 5 * MINUTE_MS
_SLOTS_PER_DAY = DAY_MS // OPEN_INTEREST_STEP_MS
_FUNDING_STREAM, _OPEN_INTEREST_STREAM = 2, 3
_CROWDS: dict[Crowd, tuple[float, int]] = {
    "accounts": (0.35, 5),
    "top accounts": (0.25, 6),
    "top positions": (0.1, 7),
}  # usual log odds of being long, and the random stream
_BASE_RATE = 0.00006
_MOMENTUM_SHARE = 0.0015
_RATE_NOISE = 0.00003
_LARGEST_RATE = 0.003


class Derivatives:
    """Funding and open interest of a market.

    Parameters
    ----------
    market
        The market that they belong to.
    """

    def __init__(self, market: SyntheticMarket) -> None:
        self._market = market
        self._interest_at_midnight: list[list[float]] = [[0.0] for _ in LISTINGS]
        self._interest = lru_cache(maxsize=200)(self._make_interest)
        self._crowds = lru_cache(maxsize=200)(self._make_crowd)
        self._funding = lru_cache(maxsize=2000)(self._make_funding)

    def funding(self, listing: Listing, slot_ms: int) -> Funding:
        """Funding of the slot that begins at ``slot_ms``.

        The rate is a small positive base, plus a share of yesterday's return, plus noise: it is known before
        the slot and says nothing about the future.
        """
        return self._funding(listing.name, slot_ms)

    def _make_funding(self, name: str, slot_ms: int) -> Funding:
        market, listing = self._market, BY_NAME[name]
        number = market.day_number(slot_ms)
        day = number - market.anchor.history_days
        slot = slot_ms % DAY_MS // HOUR_MS
        rng = stream(market.anchor.seed, listing_index(listing.name), day, _FUNDING_STREAM)
        noise = rng.standard_normal(24)
        today = market.midnight_price(listing.name, number)
        yesterday = market.midnight_price(listing.name, number - 1)
        eight_hours = _BASE_RATE + _MOMENTUM_SHARE * math.log(today / yesterday) + _RATE_NOISE * noise[slot]
        rate = max(-_LARGEST_RATE, min(_LARGEST_RATE, eight_hours)) * listing.funding_interval_hours / 8
        lateness = int(rng.integers(0, 12))
        return Funding(slot_ms + lateness, round(float(rate), 8), market.minute_price(listing.name, slot_ms))

    def slots(self, listing: Listing, first_ms: int, last_ms: int) -> range:
        """Funding slots in ``[first_ms, last_ms]`` that history covers."""
        step = listing.funding_interval_hours * HOUR_MS
        first = max(first_ms, self._market.anchor.first_ms + 1)
        return range(-(-first // step) * step, last_ms + 1, step)

    def next_slot(self, listing: Listing, now_ms: int) -> int:
        """Time of the next funding."""
        step = listing.funding_interval_hours * HOUR_MS
        return (now_ms // step + 1) * step

    def expected_rate(self, listing: Listing, now_ms: int) -> float:
        """Rate of the next funding, which the venue announces."""
        return self.funding(listing, self.next_slot(listing, now_ms)).rate

    def index_price(self, listing: Listing, at_ms: int) -> float:
        """Index price: the contract's price without its premium."""
        rate = self.funding(listing, self.next_slot(listing, at_ms)).rate
        return self._price(listing, at_ms) / (1 + rate)

    def has_marks(self, _listing: Listing) -> bool:
        """Every contract has them."""
        return True

    def mark_price(self, listing: Listing, at_ms: int) -> float:
        """Mark price: index times (1 + funding rate times the part of the interval that is left)."""
        slot = self.next_slot(listing, at_ms)
        rate = self.funding(listing, slot).rate
        left = (slot - at_ms) / (listing.funding_interval_hours * HOUR_MS)
        return self._price(listing, at_ms) / (1 + rate) * (1 + rate * left)

    def _price(self, listing: Listing, at_ms: int) -> float:
        """Price that mark and index follow; at the start of a minute it is cheap for any day of history."""
        if at_ms % MINUTE_MS:
            return self._market.price(listing.name, at_ms)
        return self._market.minute_price(listing.name, at_ms)

    def open_interest(self, listing: Listing, at_ms: int) -> float:
        """Open contracts in base units on the 5-minute grid, as of the last grid point."""
        logs = self._interest(listing_index(listing.name), self._market.day_number(at_ms))
        usual = 0.35 * listing.daily_turnover / listing.start_price
        return round(
            usual * math.exp(logs[at_ms % DAY_MS // OPEN_INTEREST_STEP_MS]), listing.quantity_decimals
        )

    def interest_times(self, _listing: Listing, first_ms: int, last_ms: int, step_ms: int) -> range:
        """Grid points in ``[first_ms, last_ms]``."""
        return range(-(-first_ms // step_ms) * step_ms, last_ms + 1, step_ms)

    def long_share(self, listing: Listing, at_ms: int, crowd: Crowd) -> float:
        """Long share of a crowd on the 5-minute grid; it starts every day from its usual level."""
        paths = self._crowds(listing_index(listing.name), self._market.day_number(at_ms), crowd)
        return 1 / (1 + math.exp(-paths[at_ms % DAY_MS // OPEN_INTEREST_STEP_MS]))

    def _make_crowd(self, index: int, number: int, crowd: Crowd) -> FloatArray:
        usual, which = _CROWDS[crowd]
        anchor = self._market.anchor
        rng = stream(anchor.seed, index, number - anchor.history_days, which)
        path = ornstein_uhlenbeck(
            rng, 0.0, half_life=_SLOTS_PER_DAY / 4, deviation=0.08, n_steps=_SLOTS_PER_DAY
        )
        return usual + path

    def _make_interest(self, index: int, number: int) -> FloatArray:
        starts = self._interest_at_midnight[index]
        while len(starts) <= number:
            starts.append(float(self._interest_path(index, len(starts) - 1, starts[-1])[-1]))
        return self._interest_path(index, number, starts[number])

    def _interest_path(self, index: int, number: int, start: float) -> FloatArray:
        anchor = self._market.anchor
        rng = stream(anchor.seed, index, number - anchor.history_days, _OPEN_INTEREST_STREAM)
        return ornstein_uhlenbeck(
            rng, start, half_life=2.0 * _SLOTS_PER_DAY, deviation=0.12, n_steps=_SLOTS_PER_DAY
        )
