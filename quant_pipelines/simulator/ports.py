"""What the venue asks of the market that it plays; REST, streams and orders don't know which one it is.

Whatever is asked, an answer never shows what happens after the moment that is given.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.simulator.listing import Listing

Crowd: TypeAlias = Literal["accounts", "top accounts", "top positions"]
"""Whose positions a long share is of: all accounts, the largest ones, what the largest ones hold."""


class Second(NamedTuple):
    """What trades in one second: price and quantities in natural units."""

    price: float
    quantity: float
    trades: int
    taker_share: float


class Funding(NamedTuple):
    """One funding payment: its stamp (a few milliseconds after the slot), the rate and the mark price."""

    ts_ms: int
    rate: float
    mark_price: float | None


class MarketPort(Protocol):
    """Prices of everything that is listed."""

    @property
    def seed(self) -> int:
        """Seed of what is drawn around the prices, such as the book."""

    @property
    def first_ms(self) -> int:
        """Open time of the first bar of all."""

    @property
    def listings(self) -> Mapping[str, Listing]:
        """Contracts by the venue's symbol."""

    def listed_ms(self, name: str) -> int:
        """Open time of a symbol's first bar of any length."""

    def first_bar_ms(self, name: str, step_ms: int) -> int:
        """Open time of a symbol's first bar of a length."""

    def is_trading(self, name: str, now_ms: int) -> bool:
        """Whether a symbol is played second by second at this moment."""

    def ends_ms(self, name: str) -> int | None:
        """When a contract is settled and leaves the list; None of one that stays."""

    def bars(
        self, name: str, step_ms: int, *, first_ms: int, last_ms: int, now_ms: int
    ) -> tuple[IntArray, FloatArray]:
        """Open times and rows (n_bars, 9) of ``[first_ms, last_ms]``, the open bar as it stands now."""

    def second(self, name: str, now_ms: int) -> Second:
        """Return what trades in the second of ``now_ms``; the symbol is trading."""

    def price(self, name: str, at_ms: int) -> float:
        """Last traded price at a moment."""

    def minute_price(self, name: str, at_ms: int) -> float | None:
        """Price at the start of a minute; None where it is not known."""


class DerivativesPort(Protocol):
    """What surrounds a perpetual's price. What is not known is None or not there, never made up."""

    def slots(self, listing: Listing, first_ms: int, last_ms: int) -> Sequence[int]:
        """Funding slots in ``[first_ms, last_ms]``."""

    def funding(self, listing: Listing, slot_ms: int) -> Funding:
        """Funding of one of these slots."""

    def next_slot(self, listing: Listing, now_ms: int) -> int:
        """Time of the next funding."""

    def expected_rate(self, listing: Listing, now_ms: int) -> float | None:
        """Funding rate that the venue announces for the next slot."""

    def has_marks(self, listing: Listing) -> bool:
        """Whether a contract has mark prices at any time."""

    def mark_price(self, listing: Listing, at_ms: int) -> float | None:
        """Mark price, quote per base."""

    def index_price(self, listing: Listing, at_ms: int) -> float | None:
        """Index price, quote per base."""

    def open_interest(self, listing: Listing, at_ms: int) -> float | None:
        """Open contracts in base units, as of the last measurement."""

    def interest_times(self, listing: Listing, first_ms: int, last_ms: int, step_ms: int) -> Sequence[int]:
        """Measurements of open interest in ``[first_ms, last_ms]`` on a grid."""

    def long_share(self, listing: Listing, at_ms: int, crowd: Crowd) -> float | None:
        """Part of a crowd that is long, between 0 and 1, as of the last measurement."""
