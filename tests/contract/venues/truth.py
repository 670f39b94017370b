"""What truly happened, as functions of time: every fixture venue tells this, in its own words."""

from typing import NamedTuple

from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms

TRADE_STEP_MS = 20_000
INTEREST_STEP_MS = 5 * MINUTE_MS
NOW = system_clock_ms()
TODAY = floor_ms(NOW, DAY_MS)
LISTED = TODAY - 40 * DAY_MS
LEVELS = 12


class Bar(NamedTuple):
    """One bar, base and quote units."""

    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float


class Print(NamedTuple):
    """One trade, base units."""

    ts: int
    id: int
    price: float
    quantity: float
    side: str


def bar(ts: int) -> Bar:
    """Bar that opens at ``ts``; its numbers are exact in every unit that venues use."""
    base = 60_000 + ts // MINUTE_MS % 997
    volume = (1 + ts // MINUTE_MS % 13) / 2
    return Bar(ts, base, base + 8.5, base - 7.5, base + 1, volume, volume * base)


def bars(step_ms: int, first_ms: int, last_ms: int, now_ms: int) -> list[Bar]:
    """Bars that open in ``[first_ms, last_ms]``, the last one still open if it reaches now."""
    first = -(-max(first_ms, LISTED) // step_ms) * step_ms
    return [bar(ts) for ts in range(first, min(last_ms, now_ms) + 1, step_ms)]


def mark(ts: int) -> float:
    """Mark price at a moment."""
    return bar(floor_ms(ts, MINUTE_MS)).open + 1.5


def index(ts: int) -> float:
    """Index price at a moment."""
    return bar(floor_ms(ts, MINUTE_MS)).open - 1.5


def funding_slots() -> list[int]:
    """Slots before today: every 8 hours, then every 4, then every hour."""
    first, second = TODAY - 6 * DAY_MS, TODAY - 2 * DAY_MS
    return [
        *range(TODAY - 14 * DAY_MS, first, 8 * HOUR_MS),
        *range(first, second, 4 * HOUR_MS),
        *range(second, TODAY, HOUR_MS),
    ]


def rate(slot: int) -> float:
    """Funding rate of a slot."""
    return (slot // HOUR_MS % 19 - 9) / 100_000


def stamp(slot: int) -> int:
    """When the payment of a slot is stamped: a little late."""
    return slot + slot // HOUR_MS % 12 * 1000


def interest(ts: int) -> float:
    """Open interest, base units."""
    return 5000.0 + ts // INTEREST_STEP_MS % 101 / 2


def prints(first_ms: int, last_ms: int, now_ms: int) -> list[Print]:
    """Trades in ``[first_ms, last_ms]``, oldest first."""
    first = -(-max(first_ms, LISTED) // TRADE_STEP_MS)
    return [print_of(number) for number in range(first, min(last_ms, now_ms) // TRADE_STEP_MS + 1)]


def print_of(number: int) -> Print:
    """Trade with a number."""
    ts = number * TRADE_STEP_MS
    return Print(ts, number, 60_000 + number % 50, (1 + number % 9) / 2, "buy" if number % 2 else "sell")


def book() -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Bids and asks, best first, base units."""
    bids = [(60_000.0 - n, 0.5 + n / 2) for n in range(LEVELS)]
    asks = [(60_001.0 + n, 1.0 + n / 2) for n in range(LEVELS)]
    return bids, asks
