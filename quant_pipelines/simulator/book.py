"""Order book around the last price: one book a second, the same for snapshot and stream."""

from typing import NamedTuple

import numpy as np

from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import MarketPort
from quant_pipelines.simulator.processes import stream

_BOOK_STREAM = 4
_LEVELS = 100
_DEPTH = 0.004  # distance of the last level from the price
_RANKS = np.arange(_LEVELS)

Level = tuple[str, str]
"""Price and quantity as the venue writes them; quantity ``"0"`` removes the level from a book."""


class PlayedBook(NamedTuple):
    """One side's levels, best first, and the number of the update that led to them."""

    update_id: int
    bids: list[Level]
    asks: list[Level]


def book_at(market: MarketPort, listing: Listing, now_ms: int) -> PlayedBook:
    """Book in the second of ``now_ms``; the spread is one tick, the last price one of its sides."""
    second_number = now_ms // 1000 - market.first_ms // 1000
    second = market.second(listing.name, now_ms)
    unit = 10**listing.price_decimals
    last = round(second.price * unit)
    best_bid = last - 1 if second.taker_share > 0.5 else last
    rng = stream(market.seed, list(market.listings).index(listing.name), second_number, _BOOK_STREAM)
    widest = max(_LEVELS - 1, last * _DEPTH)
    offsets = np.maximum(_RANKS, np.rint(widest * (_RANKS / (_LEVELS - 1)) ** 2)).astype(np.int64)
    usual = listing.daily_turnover / 86_400 / second.price
    sizes = usual * (0.4 + 0.05 * _RANKS) * rng.lognormal(0.0, 0.6, (2, _LEVELS))

    def levels(ticks: np.ndarray, quantities: np.ndarray) -> list[Level]:
        smallest = 10.0**-listing.quantity_decimals
        return [
            (
                f"{tick / unit:.{listing.price_decimals}f}",
                f"{max(quantity, smallest):.{listing.quantity_decimals}f}",
            )
            for tick, quantity in zip(ticks.tolist(), quantities.tolist(), strict=True)
            if tick > 0
        ]

    return PlayedBook(
        second_number, levels(best_bid - offsets, sizes[0]), levels(best_bid + 1 + offsets, sizes[1])
    )


def changes(before: list[Level], after: list[Level]) -> list[Level]:
    """Levels that turn one side of a book into its successor."""
    old, new = dict(before), dict(after)
    gone = [(price, "0") for price in old if price not in new]
    return gone + [(price, quantity) for price, quantity in new.items() if old.get(price) != quantity]
