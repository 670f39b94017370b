"""An order book rebuilt from a snapshot and the changes after it; a lost message is told, never bridged."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

Level = tuple[float, float]
"""Price and quantity; quantity 0 removes the level."""


class BookChange(NamedTuple):
    """One message of a depth stream.

    Parameters
    ----------
    first_id, last_id
        First and last update that it carries.
    previous_id
        Last update of the message before it.
    bids, asks
        Levels that changed.
    """

    first_id: int
    last_id: int
    previous_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class SequenceGap(NamedTuple):
    """A message that does not follow the one before it: the book must be taken anew.

    Parameters
    ----------
    expected_id
        Update after which the next message should have come.
    previous_id
        Update after which it says that it comes.
    """

    expected_id: int
    previous_id: int


class Top(NamedTuple):
    """Best levels: quote per base, and base units. NaN and 0 on a side that is empty."""

    bid: float
    bid_quantity: float
    ask: float
    ask_quantity: float

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid reaches the best ask: locked or crossed."""
        return self.bid >= self.ask


@dataclass(slots=True)
class OrderBook:
    """Book of one symbol.

    Parameters
    ----------
    last_id
        Last update that is in it.
    bids, asks
        Price to quantity.
    """

    last_id: int
    bids: dict[float, float] = field(default_factory=dict)
    asks: dict[float, float] = field(default_factory=dict)
    _has_followed: bool = False

    @classmethod
    def from_snapshot(cls, last_id: int, bids: Iterable[Level], asks: Iterable[Level]) -> "OrderBook":
        """Book as a REST snapshot has it."""
        return cls(last_id, dict(bids), dict(asks))

    def apply(self, change: BookChange) -> SequenceGap | None:
        """Apply the next message of the stream.

        A message that ends before the snapshot is old and left out; the first one to be applied must reach
        over the snapshot, and every one after it must follow the one before.

        Returns
        -------
        SequenceGap or None
            A message was lost: nothing was changed, and the book is not to be used any more.
        """
        if not self._has_followed and change.last_id < self.last_id:
            return None
        follows = (
            change.previous_id == self.last_id
            if self._has_followed
            else change.first_id <= self.last_id + 1 or change.previous_id <= self.last_id
        )
        if not follows:
            return SequenceGap(self.last_id, change.previous_id)
        _merge(self.bids, change.bids)
        _merge(self.asks, change.asks)
        self.last_id, self._has_followed = change.last_id, True
        return None

    def top(self) -> Top:
        """Best bid and ask."""
        bid, ask = max(self.bids, default=float("nan")), min(self.asks, default=float("nan"))
        return Top(bid, self.bids.get(bid, 0.0), ask, self.asks.get(ask, 0.0))


def _merge(side: dict[float, float], levels: tuple[Level, ...]) -> None:
    for price, quantity in levels:
        if quantity:
            side[price] = quantity
        else:
            side.pop(price, None)
