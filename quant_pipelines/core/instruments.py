"""What may be traded, in which steps."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Instrument:
    """Contract specification of one symbol at one exchange, as of a date.

    Parameters
    ----------
    exchange
        ccxt id, such as ``binanceusdm``.
    symbol
        ccxt form, such as ``BTC/USDT:USDT``.
    tick_size
        Price step, quote per base.
    lot_size
        Quantity step, base.
    min_notional
        Smallest order value, quote.
    maker_fee, taker_fee
        Fractions of notional.
    max_leverage
        Highest leverage that the venue grants.
    funding_interval_hours
        Hours between two funding payments.
    """

    exchange: str
    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    min_notional: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    max_leverage: int
    funding_interval_hours: int


class DatedInstrument(NamedTuple):
    """A specification, and from when on it is known, milliseconds UTC."""

    from_ms: int
    instrument: Instrument
