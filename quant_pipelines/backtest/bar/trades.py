"""Round trips: from flat to flat, or to the other side; built from fills as they happen."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple

from quant_pipelines.backtest.bar.state import StepFill
from quant_pipelines.backtest.bar.stops import EXIT_REASONS
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import change_of, scalar
from quant_pipelines.core.orders import PositionSide
from quant_pipelines.core.timeframes import from_ms

COLUMNS = (
    "entry_ts",
    "exit_ts",
    "side",
    "quantity",
    "entry_price",
    "exit_price",
    "fees",
    "funding",
    "pnl",
    "reason",
)
ENTRY_TS, EXIT_TS, PNL = (COLUMNS.index(name) for name in ("entry_ts", "exit_ts", "pnl"))


class OpenTrade(NamedTuple):
    """Round trip that has not ended: average prices so far, costs so far; side 0 is none."""

    entry_ts: int
    side: float
    entered: float
    entry_price: float
    exited: float
    exit_price: float
    fees: float
    funding: float


class TradeEnd(NamedTuple):
    """How a closing fill ends a round trip: time, reason, whether nothing is left of the position; and whose.

    The lane goes with the array of all lanes: a view of its part would be counted in and out at every fill.
    """

    ts: int
    reason: int
    is_flat: bool
    lane: int


class TradeLog(NamedTuple):
    """Number of finished round trips, and the open one; the finished ones are rows of an array beside it."""

    finished: int
    trade: OpenTrade


_charged = change_of(OpenTrade, "funding")
_grown = change_of(OpenTrade, "entered", "entry_price", "fees")
_reduced = change_of(OpenTrade, "exited", "exit_price", "fees")
_with_trade = change_of(TradeLog, "trade")
NO_TRADE = OpenTrade(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
EMPTY_LOG = TradeLog(0, NO_TRADE)


@dataclass(frozen=True, slots=True)
class Trade:
    """Finished round trip.

    Parameters
    ----------
    entry_time, exit_time
        UTC; open times of the bars in which the first and the last fill happened.
    side
        ``long`` or ``short``.
    quantity
        Base, positive: all that was entered.
    entry_price, exit_price
        Averages over the fills, slippage included, quote per base.
    fees, funding
        Quote, positive when paid.
    pnl
        Quote, after fees and funding.
    exit_reason
        One of ``stops.EXIT_REASONS``, such as ``target``, ``hard_stop`` or ``end``.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.backtest import run_backtest
    >>> from quant_pipelines.sdk import Bars, Strategy
    >>> class Once(Strategy):
    ...     def target(self, bars):
    ...         return np.array([0.5, 0.5, 0.0, 0.0])
    >>> (trade,) = run_backtest(Once(), Bars.of_closes([100, 100, 110, 110])).trades
    >>> trade.side, trade.entry_price, trade.exit_price, trade.exit_reason  # each 1 basis point worse
    ('long', 100.01, 109.989, 'target')
    >>> gross = trade.quantity * (trade.exit_price - trade.entry_price)
    >>> round(trade.pnl, 6) == round(gross - trade.fees - trade.funding, 6)
    True
    """

    entry_time: datetime
    exit_time: datetime
    side: PositionSide
    quantity: float
    entry_price: float
    exit_price: float
    fees: float
    funding: float
    pnl: float
    exit_reason: str

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Names of the members of its document."""
        return tuple(field.name for field in fields(Trade))

    def to_document(self) -> dict[str, Any]:
        """Members by name, as they are."""
        return {name: getattr(self, name) for name in self.columns()}


@scalar
def add_funding(log: TradeLog, paid: float) -> TradeLog:
    """Log with a payment booked to the open round trip; quote, positive when paid."""
    return _with_trade(log, _charged(log.trade, log.trade.funding + paid))


@scalar
def add_opening(log: TradeLog, fill: StepFill, ts: int) -> TradeLog:
    """Log after a fill that opened or enlarged a position."""
    trade, size = log.trade, abs(fill.quantity)
    if trade.side == 0.0:
        side = 1.0 if fill.quantity > 0.0 else -1.0
        return _with_trade(log, OpenTrade(ts, side, size, fill.price, 0.0, 0.0, fill.fee, 0.0))
    entered = trade.entered + size
    average = trade.entry_price + (fill.price - trade.entry_price) * (size / entered)
    grown = _grown(trade, entered=entered, entry_price=average, fees=trade.fees + fill.fee)
    return _with_trade(log, grown)


@scalar
def add_closing(log: TradeLog, fill: StepFill, end: TradeEnd, rows: FloatArray) -> TradeLog:
    """Log after a fill that reduced a position; the end of a round trip is written to its row.

    ``rows`` has shape (n_lanes, capacity, len(COLUMNS)); what is beyond its capacity is counted, not written.
    """
    trade, size = log.trade, abs(fill.quantity)
    exited = trade.exited + size
    average = fill.price
    if trade.exited > 0.0:
        average = trade.exit_price + (fill.price - trade.exit_price) * (size / exited)
    fees = trade.fees + fill.fee
    if not end.is_flat:
        return _with_trade(log, _reduced(trade, exited=exited, exit_price=average, fees=fees))
    if log.finished < rows.shape[1]:
        j, n = end.lane, log.finished
        pnl = trade.side * trade.entered * (average - trade.entry_price) - fees - trade.funding
        rows[j, n, 0], rows[j, n, 1] = trade.entry_ts, end.ts
        rows[j, n, 2], rows[j, n, 3] = trade.side, trade.entered
        rows[j, n, 4], rows[j, n, 5] = trade.entry_price, average
        rows[j, n, 6], rows[j, n, 7] = fees, trade.funding
        rows[j, n, 8], rows[j, n, 9] = pnl, end.reason
    return TradeLog(log.finished + 1, NO_TRADE)


def trades_of(rows: FloatArray) -> tuple[Trade, ...]:
    """Round trips of a log's rows."""
    return tuple(_trade(*row) for row in rows.tolist())


def _trade(entry_ts: float, exit_ts: float, side: float, *rest: float) -> Trade:
    quantity, entry_price, exit_price, fees, funding, pnl, reason = rest
    return Trade(
        from_ms(int(entry_ts)),
        from_ms(int(exit_ts)),
        "long" if side > 0 else "short",
        quantity,
        entry_price,
        exit_price,
        fees,
        funding,
        pnl,
        EXIT_REASONS[int(reason)],
    )
