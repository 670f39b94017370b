"""Runners whose stops do not protect."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

from live_runner.venue import covering, net_covering, protection
from live_runner.venue.place import VenuePlace, net_of
from live_runner.venue.protection import Protection
from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.core.orders import closing_side
from quant_pipelines.trading import cover, levels
from quant_pipelines.trading.cover import Wait
from quant_pipelines.trading.levels import CancelLevel, MoveLevel, PlaceLevel
from quant_pipelines.trading.venue import StopOrder, VenueStop
from tests.faults.mutations.changed import Block, Change, changed


def places_no_stop() -> Block:
    def change(next_action: Any) -> Any:
        def broken(*given: Any) -> Any:
            action = next_action(*given)
            return Wait("covered") if isinstance(action, PlaceLevel) else action

        return broken

    return changed((covering, "next_action", change))


def believing(*changes: tuple[Any, str, Change]) -> Block:
    """Any stop that stands is taken for the right one."""

    def anything_protects(_: Any) -> Any:
        return lambda standing, position: not position or bool(standing)

    def is_it(_: Any) -> Any:
        return lambda _wanted, _found: True

    return changed(
        (protection, "_is_it", is_it),
        (levels, "_is_it", is_it),
        *((where, "protects", anything_protects) for where in (levels, cover, covering)),
        *changes,
    )


def places_stops_over(share: Callable[[Decimal, list[Decimal]], Decimal]) -> Block:
    """Stops over a part of the position; ``share`` is told the position and what was placed before."""
    placed: list[Decimal] = []

    def change(intend_stop: Any) -> Any:
        async def broken(self: VenuePlace, wanted: Any, _quantity: Any = None) -> StopOrder:
            held = abs(await self.with_brokers(net_of))
            placed.append(share(held, placed).quantize(Decimal("0.001")))
            stop: StopOrder = await intend_stop(self, wanted, placed[-1])
            return stop

        return broken

    return believing((VenuePlace, "intend_stop", change))


def half(held: Decimal, _placed: list[Decimal]) -> Decimal:
    return held / 2


def the_first(held: Decimal, placed: list[Decimal]) -> Decimal:
    return placed[0] if placed else held


def places_stops_on_the_wrong_side() -> Block:
    """As many ticks above a long as they should be below it."""

    def change(wanted_level: Any) -> Any:
        def broken(position: Decimal, price: float | None, *more: Any) -> Any:
            factor = Decimal("1.08") if position > 0 else Decimal("0.92")
            level = wanted_level(position, price, *more)
            if level is None:
                return None
            trigger = (level.trigger_price * factor).quantize(Decimal("0.1"))
            return level._replace(side=closing_side(-position), trigger_price=trigger)

        return broken

    return believing(*((where, "wanted_level", change) for where in (covering, net_covering)))


def cancels_before_it_places() -> Block:
    """The old stop goes first; the new one is placed when the books are next compared."""
    canceled: list[float] = []

    def change(next_action: Any) -> Any:
        def broken(held: Any, standing: Any, asked: Any, tries: Any, now: float) -> Any:
            action = next_action(held, standing, asked, tries, now)
            if isinstance(action, MoveLevel) and action.level == "stop":
                canceled.append(now)
                return CancelLevel("stop", action.wanted, standing.stops[0], action.until)
            is_soon = bool(canceled) and now < canceled[-1] + 5.0
            return Wait("covered") if isinstance(action, PlaceLevel) and is_soon else action

        return broken

    return changed((covering, "next_action", change))


def places_stops(*, is_remembered: bool) -> Block:
    """Whatever the venue says of a stop, it stands, at least until the books are next compared."""

    async def broken(self: Protection, wanted: Any, quantity: Decimal | None = None) -> None:
        stop = await self._rows.intend_stop(wanted, quantity)
        with suppress(ExchangeError):  # it is what a broken runner does
            await self._venue.place_stop(stop)
        stands = protection._unplaced(stop, "ACCEPTED")._replace(quantity=quantity or Decimal(0))
        self._standing[stop.client_order_id] = stands
        await self._rows.follow_stop(stands)

    place = (Protection, "place", lambda _: broken)
    forget = (Protection, "take_over", lambda _: lambda _self, _stops: None)
    return changed(place, forget) if is_remembered else changed(place)


def cancels_no_stop() -> Block:
    async def broken(self: Protection, stop: VenueStop) -> None:
        self._standing.pop(stop.client_order_id, None)

    def covered(kept: Any) -> Any:
        return lambda self, stops: kept(self, tuple(stops)[-1:])

    return changed((Protection, "cancel", lambda _: broken), (Protection, "take_over", covered))
