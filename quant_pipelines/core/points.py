"""Values at a time that surround the bars: as a source tells them, and as they are stored."""

from typing import NamedTuple


class FundingRate(NamedTuple):
    """One funding payment.

    Parameters
    ----------
    ts
        Slot of the payment (the exchange's stamp floored to its hour), milliseconds UTC.
    rate
        Fraction of notional; positive when longs pay.
    mark_price
        Mark price that it was paid on; None where the source does not say.
    """

    ts: int
    rate: float
    mark_price: float | None


class OpenInterest(NamedTuple):
    """Open contracts in base units at ``ts`` (milliseconds UTC)."""

    ts: int
    open_interest: float


class PricePoint(NamedTuple):
    """Open of a mark- or index-price bar at ``ts`` (milliseconds UTC): known at once, never revised."""

    ts: int
    price: float
