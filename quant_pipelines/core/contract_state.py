"""What an exchange says now of a contract that it lists: whether it trades, and until when."""

from typing import NamedTuple


class ContractState(NamedTuple):
    """State of one contract (or pair, on a spot market).

    Parameters
    ----------
    symbol
        ccxt form.
    word
        The exchange's word for its state, such as ``TRADING`` or ``SETTLING``.
    is_trading
        Whether orders are taken.
    margin_asset
        What it is settled in; of a pair, what it is paid with.
    is_perpetual
        Whether it has no end of its own.
    ends_at_ms
        When the exchange settles it and takes it off the list, milliseconds UTC; None where that is not told.
    """

    symbol: str
    word: str
    is_trading: bool
    margin_asset: str
    is_perpetual: bool
    ends_at_ms: int | None
