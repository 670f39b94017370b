"""What a link at a venue talks to, and what comes to its inbox."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from live_runner.book.trader import Trader
from live_runner.venue.reached import RunningBar, no_running_bar
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.risk.account_view import NO_PRICES, Prices
from quant_pipelines.stack.pulse import Pulse
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.trading import Intent
from quant_pipelines.trading.tries import READ_BACK_SECONDS
from quant_pipelines.trading.venue import OrderVenue, VenueEvent


class BarClosed(NamedTuple):
    """A bar is booked: its stops may have moved, or have fired."""


class LevelReached(NamedTuple):
    """A price has reached a level that the runner watches."""


Item: TypeAlias = Intent | BarClosed | LevelReached | VenueEvent


@dataclass(frozen=True, slots=True)
class Station:
    """What a link talks to, and by which rules."""

    journal: Journal
    venue: OrderVenue
    settings: RunnerSettings
    epoch: int
    wall_ms: Clock
    read_back_seconds: float = READ_BACK_SECONDS
    begun: Callable[[Trader], None] = lambda _trader: None
    """Told when a decision that was prevented may be taken: the books agree again, or an order has ended."""
    pulse: Pulse = field(default_factory=Pulse)
    """Told when a position is about to be uncovered, and when it is covered."""
    prices: Callable[[str], Prices] = lambda _symbol: NO_PRICES
    """Prices of a symbol as the streams told them last."""
    running_bar: RunningBar = no_running_bar
    """Minute of a symbol that trades, as our own stream told it just now."""
    hold_back: Callable[[str, bool], None] = lambda _symbol, _is_near: None
    """Told whether nothing may be opened in a symbol, as its stop would come behind the liquidation."""
    has_safe_timer: bool = False
    """Whether it is proven that stops survive the venue's timer that cancels orders."""
