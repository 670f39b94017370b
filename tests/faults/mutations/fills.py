"""Runners that book fills, fees and payments wrongly."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from live_runner.venue import receiving
from live_runner.venue.receiving import Booked
from live_runner.venue.sweeps import Sweeps
from live_runner.venue.tally import BookTally
from quant_pipelines.exchange import user_stream
from quant_pipelines.exchange.ccxt_reads import CcxtReads
from quant_pipelines.trading.venue import OrderUpdate, VenueTrade
from tests.faults.mutations.changed import Block, changed

_FAR = 10**9


def sweeps_no_trades() -> Block:
    return changed((Sweeps, "sweep_trades", lambda _: _swept))


def trusts_a_dead_listen_key() -> Block:
    """Fills come by the stream alone, and a stream that ended is not opened again."""

    async def heard_nothing(_client: Any, _expired: asyncio.Event) -> bool:
        await asyncio.Event().wait()
        return False

    def change(heard: Any) -> Any:
        told: list[bool] = []

        async def broken(client: Any, expired: asyncio.Event) -> bool:
            if told:
                return await heard_nothing(client, expired)
            try:
                return bool(await heard(client, expired))
            except BaseException:
                told.append(True)
                raise

        return broken

    return changed((user_stream, "_heard", change), (Sweeps, "sweep_trades", lambda _: _swept))


async def _swept(_self: Sweeps) -> None:
    """Read nothing."""


def books_orders_as_fills() -> Block:
    """Each part of a fill is booked with what the order has filled till then, streamed or swept."""

    def streamed(event_of: Any) -> Any:
        def broken(*given: Any) -> list[Any]:
            return [_with_all_filled(one) for one in event_of(*given)]

        return broken

    def swept(trades: Any) -> Any:
        async def broken(self: CcxtReads, *given: Any) -> list[VenueTrade]:
            filled = defaultdict[str, Decimal](Decimal)
            found: list[VenueTrade] = []
            for one in await trades(self, *given):
                filled[one.venue_order_id] += one.quantity
                found.append(one._replace(quantity=filled[one.venue_order_id]))
            return found

        return broken

    return changed((user_stream, "event_of", streamed), (CcxtReads, "trades", swept))


def _with_all_filled(event: Any) -> Any:
    if not isinstance(event, OrderUpdate) or event.trade is None:
        return event
    return event._replace(trade=event.trade._replace(quantity=event.order.filled_quantity))


def books_each_message() -> Block:
    """A fill of the stream has a key of its own; what is swept is another one."""

    def change(event_of: Any) -> Any:
        def broken(*given: Any) -> list[Any]:
            return [_under_another_id(one) for one in event_of(*given)]

        return broken

    return changed((user_stream, "event_of", change))


def _under_another_id(event: Any) -> Any:
    if not isinstance(event, OrderUpdate) or event.trade is None:
        return event
    return event._replace(trade=event.trade._replace(trade_id=str(int(event.trade.trade_id) + _FAR)))


def forgets_what_it_booked() -> Block:
    return changed((BookTally, "has_trade", lambda _: lambda _self, _trade_id: False))


def books_no_fees() -> Block:
    return _books_fees(lambda _fee: Decimal(0))


def books_floats() -> Block:
    return _books_fees(lambda fee: Decimal(float(fee)))


def _books_fees(booked_as: Callable[[Decimal], Decimal]) -> Block:
    def change(fills_of: Any) -> Any:
        def broken(*given: Any) -> list[Booked]:
            return [
                one._replace(fill=replace(one.fill, fee=booked_as(one.fill.fee))) for one in fills_of(*given)
            ]

        return broken

    return changed((receiving, "_fills_of", change))


def pays_funding(times: int) -> Block:
    def change(payments: Any) -> Any:
        async def broken(self: CcxtReads, *given: Any) -> list[Any]:
            found = await payments(self, *given)
            return [one._replace(ts_ms=one.ts_ms + extra) for one in found for extra in range(times)]

        return broken

    return changed((CcxtReads, "payments", change))
