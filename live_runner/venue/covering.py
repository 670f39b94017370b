"""Does at a venue what `trading.cover` decides: reads what is so, asks what is next, does and commits it."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

from live_runner.book.trader import Trader
from live_runner.venue.flattening import Flattening
from live_runner.venue.liquidation import LiquidationGuard
from live_runner.venue.order_rows import OrderRows, OrderTerms
from live_runner.venue.place import Brokers, VenuePlace
from live_runner.venue.protection import Protection
from quant_pipelines.backtest.bar.stops import EXIT_REASONS, TAKE_PROFIT
from quant_pipelines.core.errors import ExchangeError, StopWouldTrigger
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.risk.account_view import Prices
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.breaker import ROWS, Event
from quant_pipelines.trading.cover import (
    TRIGGER_MS,
    Action,
    AskedFor,
    Cause,
    ExitPosition,
    Holding,
    Wait,
    after,
    next_action,
)
from quant_pipelines.trading.flatten import CloseOrder, Collar
from quant_pipelines.trading.levels import CancelLevel, MoveLevel, Step, protects, wanted_level
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.purposes import EXITS, STOP
from quant_pipelines.trading.tries import Outcome, Tries
from quant_pipelines.trading.venue import OrderVenue
from quant_pipelines.trading.watch import WatchedLevels, watched_action

_LAST_LOOK_SECONDS = 1.0
_GOAL = EXIT_REASONS[TAKE_PROFIT]
_ALERTS: dict[Cause, str] = {
    "operator": "{position} closed as an operator asked, or with its stage",
    "breaker": "{position} closed for {reason}",
    "reversal denied": "{position} closed, as its strategy leaves it; the order to the other side was denied",
    "uncovered": "no stop at the venue covers {position} within 2 s; flattened",
}
"""What a person is told of an exit; those of stops and take-profits are what was ordered."""

CoverState: TypeAlias = Literal["covered", "resting", "uncovered"]
"""``resting``: what is held is protected, and an order rests at the venue that may change that later."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Around:
    """What covering asks of the link.

    Parameters
    ----------
    journal
        Rows of the runner, for alerts.
    sweep
        Books everything that the venue has.
    transmit
        Sends a committed intent, with its stamp in the venue's milliseconds; returns its committed state.
    has_more
        Whether something has come that is not booked yet.
    place
        All books at the symbol.
    protection
        What stands there at the venue.
    prices
        Prices of a symbol as the streams told them last.
    settings
        How far from the mark an exit may be filled, and how far before the liquidation a stop must stand.
    guard
        Keeps stops before the venue's liquidation price.
    """

    journal: Journal
    sweep: Callable[[], Awaitable[None]]
    transmit: Callable[[Intent, int], Awaitable[OrderProgress]]
    has_more: Callable[[], bool]
    place: VenuePlace
    protection: Protection
    prices: Callable[[str], Prices]
    settings: RunnerSettings
    guard: LiquidationGuard


class Read(NamedTuple):
    """What is held, the orders that may change it, the close of the last bar since the entry, what rests."""

    held: Holding
    waiting: list[PlacedOrder]
    is_in_flight: bool
    close: float = math.nan
    has_resting: bool = False


class Covering:
    """Stop, take-profit and exits of one deployment.

    Parameters
    ----------
    trader
        Whose position.
    venue
        Where it is.
    rows
        Who commits intents.
    around
        What is asked of the link.
    tries
        What an earlier link has tried.

    Attributes
    ----------
    tries
        What was tried, and how it ended.
    """

    def __init__(
        self, trader: Trader, venue: OrderVenue, *, rows: OrderRows, around: Around, tries: Tries
    ) -> None:
        self._trader = trader
        self._key = trader.plan.deployment.id
        self._venue = venue
        self._rows = rows
        self._around = around
        self._protection = around.protection
        self._guard = around.guard
        self._flattening = Flattening(
            venue,
            trader.symbol,
            send=self._send_exit,
            prices=around.prices,
            collar=Collar.of(around.settings),
        )
        self._is_too_small = False
        self.tries = tries

    async def keep(self) -> None:
        """See to it that a stop covers the position, that it is being closed, or that there is none.

        Raises
        ------
        StoreError
            If an intent can't be committed.
        """
        is_done = False
        while not is_done:
            action = await self._next(await self._read())
            await self._do(action)
            is_done = isinstance(action, Wait) and action.reason != "last look"

    async def keep_watched(self, price: float) -> WatchedLevels:
        """Close what its levels, an operator or a bar's close ask for, while others hold here too.

        ``price`` is one that may have reached a level, quote per base, NaN for none; returns the levels, for
        whoever hears the next one.

        Raises
        ------
        StoreError
            If an intent can't be committed.
        """
        held, waiting, _, close, _ = await self._read()
        asked = await self._asked(waiting)
        await self._do(watched_action(held, asked, self.tries, prices=(price, close), now=_now()))
        return WatchedLevels(held.stop, held.take_profit)

    def rest(self) -> None:
        """Note that nothing is held: whatever was tried before says nothing of the next position."""
        self.tries = after(self.tries, Wait("flat"), "done", _now())

    async def state(self) -> CoverState:
        """How well what is held, and may be held, is protected."""
        read = await self._read()
        if read.is_in_flight or not protects(self._protection.standing.stops, read.held.position):
            return "uncovered"
        return "resting" if read.waiting or read.has_resting else "covered"

    async def leave_first(self) -> bool:
        """Close what a stop closes at this bar, before another order is sent; False if that can't be."""
        read = await self._read()
        if not read.held.position or not read.held.leaves_by:
            return True
        action = await self._next(read)
        if isinstance(action, ExitPosition):
            await self._do(action)
        return isinstance(action, ExitPosition) or action == Wait("closing")

    async def close(self, wanted: ExitPosition) -> None:
        """Close the position, unless an exit works."""
        read = await self._read()
        if not (await self._asked(read.waiting)).is_closing:
            await self._do(wanted)

    async def _next(self, read: Read) -> Action:
        asked = await self._asked(read.waiting)
        return next_action(read.held, self._protection.standing, asked, self.tries, _now())

    async def _do(self, action: Action) -> None:
        outcome: Outcome = "done"
        if isinstance(
            action, ExitPosition
        ):  # noted first: what breaks below must not have it sent again at once
            self.tries = after(self.tries, action, outcome, _now())
            await self._exit(action)
            return
        if not isinstance(action, Wait):
            outcome = await self._step(action)
        elif action.reason == "last look":
            await self._look()
        self.tries = after(self.tries, action, outcome, _now())

    async def _look(self) -> None:
        """Read the venue once more; what can't be read is closed, as an exit only reduces."""
        with suppress(ExchangeError, TimeoutError):
            async with asyncio.timeout(_LAST_LOOK_SECONDS):
                await self._around.sweep()

    async def _step(self, step: Step) -> Outcome:
        """Bring a level a step further, within its deadline."""
        try:
            async with asyncio.timeout_at(step.until):
                if isinstance(step, CancelLevel):
                    await self._protection.cancel(step.stop)
                else:
                    quantity = step.quantity if isinstance(step, MoveLevel) else None
                    await self._protection.place(step.wanted, quantity)
        except StopWouldTrigger:
            return "passed"
        except (ExchangeError, TimeoutError) as error:
            extra = {"symbol": self._trader.symbol, "level": step.level, "error": repr(error)}
            _log.warning("stop is not proven", extra=extra)
            return "failed"
        return "done"

    async def _exit(self, wanted: ExitPosition) -> None:
        """Close the position; the next look closes what is left."""
        deployment = self._trader.plan.deployment.id
        extra = {"deployment": deployment, "purpose": wanted.purpose, "reason": wanted.reason}
        _log.warning("exit", extra=extra)
        is_alone = not self._around.place.is_shared
        await self._flattening.close(wanted, self.tries.exit.n_tries - 1, is_alone=is_alone)
        if wanted.cause in _ALERTS and self.tries.exit.n_tries == 1 and not self._is_too_small:
            what = _ALERTS[wanted.cause].format(position=wanted.position, reason=self._words(wanted.reason))
            await self.alert(f"{self._trader.symbol}: {what}")

    def _words(self, reason: str | None) -> str | None:
        """Return what a person is told of the event that closes it: of a leg, who is the cause."""
        trips = (one for one in self._trader.breaker.trips if one.event == reason)
        found = next((one for one in trips if ROWS[one.event].found_by == "legs"), None)
        return reason if found is None else f"{reason}: {found.reason}"

    async def alert(self, message: str) -> None:
        """Tell people."""
        alert = Alert("warning", self._trader.key, message, from_ms(await self._venue.now_ms()))
        await asyncio.to_thread(self._around.journal.write_alert, alert)

    async def _send_exit(self, wanted: ExitPosition, step: CloseOrder) -> OrderProgress:
        """Send a closing order, but none that the venue is known to refuse: that waits, and is told once."""
        change = step.quantity if step.side == "buy" else -step.quantity
        place, was_too_small = self._around.place, self._is_too_small
        self._is_too_small = await place.is_too_small(place.seats[self._key], change)
        if self._is_too_small:
            if not was_too_small:
                await self.alert(
                    f"{self._trader.symbol}: {wanted.position} is not closed, as the venue takes no order of "
                    f"{change}: it is too small, and does not bring the net nearer to flat; tried again"
                )
            return OrderProgress("REJECTED")
        order = OrderTerms(step.side, step.quantity, "market" if step.price is None else "limit", step.price)
        intent, now_ms = await self._rows.intend(wanted.purpose, order, exit_reason=wanted.reason)
        return await self._around.transmit(intent, now_ms)

    async def _read(self) -> Read:
        tick_size = self._tick_size

        def look(brokers: Brokers) -> Read:
            broker = brokers[self._key]
            position = broker.position().quantity
            price, name = self._guard.level(float(position), broker.stop_price, broker.stop_name)
            stop = wanted_level(position, price, tick_size, name)
            goal = wanted_level(position, broker.goal_price, tick_size, _GOAL)
            fired = _triggered(brokers, self._key)
            held, waiting = Holding(position, stop, goal, broker.leaves_by), [*broker.unsettled(), *fired]
            is_in_flight = bool(fired or broker.in_flight())
            return Read(held, waiting, is_in_flight, broker.close_since_entry, bool(broker.at_rest()))

        return await self._around.place.look(look)

    @property
    def _tick_size(self) -> Decimal:
        instrument = self._trader.plan.deployment.instrument
        assert instrument is not None  # noqa: S101 - a plan has one
        return instrument.tick_size

    @property
    def _must_flatten(self) -> bool:
        return self._trader.must_flatten

    @property
    def _closes_for(self) -> Event | None:
        return self._trader.closes_for

    async def _asked(self, waiting: list[PlacedOrder]) -> AskedFor:
        now_ms = await self._venue.now_ms()
        triggered = [to_ms(order.stamp) for order in waiting if order.intent.purpose == STOP]
        sent = [to_ms(order.stamp) for order in waiting if order.intent.purpose != STOP]
        is_closing = any(order.intent.purpose in EXITS for order in waiting)
        # An order fills in several parts: its level is set once the last of them is booked.
        is_filling = bool(sent) and now_ms < max(sent) + TRIGGER_MS
        ago_ms = now_ms - max(triggered) if triggered else None
        has_news = self._around.has_more() or is_filling
        return AskedFor(self._must_flatten, is_closing, ago_ms, has_news, self._closes_for)


def _triggered(brokers: Brokers, key: int) -> list[PlacedOrder]:
    """Return stops in the name of other books that have triggered: they may close this one, too."""
    others = (broker for name, broker in brokers.items() if name != key)
    return [one for other in others for one in other.unsettled() if one.intent.purpose == STOP]


def _now() -> float:
    return asyncio.get_running_loop().time()
