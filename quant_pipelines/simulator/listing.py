"""What a venue lists, and the synthetic market's own table: one row per symbol, with its character."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from quant_pipelines.core.errors import ConfigurationError, unknown_name


@cache
def _decimals(step: str) -> int:
    """Digits after the point of a step; asked for with every price of every second."""
    return max(0, -int(Decimal(step).normalize().as_tuple().exponent))


@dataclass(frozen=True, slots=True)
class Listing:
    """One perpetual contract.

    Parameters
    ----------
    base
        Base asset; the venue's symbol is ``<base>USDT``.
    tick_size, lot_size, min_notional
        Price step, quantity step and smallest order value, as the venue writes them.
    start_price
        An ordinary price, quote per base: it bounds what orders may ask for.
    daily_turnover
        Traded value of an ordinary day, quote.
    funding_interval_hours
        Hours between funding payments.
    past_price_decimals
        Digits after the point in prices of the past, where the tick was finer then.
    """

    base: str
    tick_size: str
    lot_size: str
    min_notional: str
    start_price: float
    daily_turnover: float
    funding_interval_hours: int = 8
    past_price_decimals: int = 0

    @property
    def name(self) -> str:
        """The venue's symbol, such as ``BTCUSDT``."""
        return f"{self.base}USDT"

    @property
    def price_decimals(self) -> int:
        """Digits after the point in a price."""
        return _decimals(self.tick_size)

    @property
    def price_precision(self) -> int:
        """Digits after the point that an order's price may be written with, as many as the tick is."""
        return len(self.tick_size.partition(".")[2])

    @property
    def quantity_decimals(self) -> int:
        """Digits after the point in a quantity."""
        return _decimals(self.lot_size)


class Character(NamedTuple):
    """How a synthetic market behaves.

    Parameters
    ----------
    volatility
        Standard deviation of one day's return, in the long run.
    correlation
        Correlation of the returns with the common factor.
    fast_trend, slow_trend
        Drift of one day in units of ``volatility`` while a trend of hours (of days) lasts; 0 for noise.
    """

    volatility: float
    correlation: float
    fast_trend: float = 0.0
    slow_trend: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticListing(Listing):
    """A contract whose market is synthetic, with its character."""

    character: Character


LISTINGS: tuple[SyntheticListing, ...] = (
    SyntheticListing(
        "BTC", "0.10", "0.001", "100", 64_000.0, 6.0e9, character=Character(0.017, 0.55, 1.8, 1.6)
    ),
    SyntheticListing("ETH", "0.01", "0.001", "20", 3_100.0, 4.0e9, character=Character(0.014, 0.7)),
    SyntheticListing("SOL", "0.0100", "0.01", "5", 160.0, 1.8e9, character=Character(0.022, 0.4, 2.3, 1.7)),
    SyntheticListing("BNB", "0.010", "0.01", "5", 590.0, 5.0e8, character=Character(0.011, 0.65)),
    SyntheticListing("XRP", "0.0001", "0.1", "5", 2.2, 9.0e8, character=Character(0.02, 0.4, 2.0, 2.0)),
    SyntheticListing("ADA", "0.0001", "1", "5", 0.74, 3.0e8, character=Character(0.013, 0.65)),
    SyntheticListing("DOGE", "0.00001", "1", "5", 0.19, 6.0e8, 4, character=Character(0.016, 0.65)),
    SyntheticListing("AVAX", "0.001", "1", "5", 27.0, 2.0e8, character=Character(0.015, 0.65)),
    SyntheticListing("LINK", "0.001", "0.01", "20", 16.0, 2.5e8, character=Character(0.014, 0.65)),
    SyntheticListing("LTC", "0.01", "0.001", "20", 92.0, 2.0e8, character=Character(0.012, 0.6)),
)

BY_NAME: dict[str, SyntheticListing] = {listing.name: listing for listing in LISTINGS}


def listing_index(name: str) -> int:
    """Position of a venue symbol in the table: it seeds the symbol's random streams.

    Raises
    ------
    ConfigurationError
        If the venue does not list it.
    """
    if name not in BY_NAME:
        raise ConfigurationError(unknown_name("symbol", name, BY_NAME))
    return LISTINGS.index(BY_NAME[name])
