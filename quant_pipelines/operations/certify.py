"""Tries at an exchange's demo account all that the runner relies on, and keeps the record.

Real orders are locked until a record of this code is stored.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Engine

from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.errors import (
    ExchangeError,
    ExchangeRefused,
    ExchangeUnavailable,
    StopWouldTrigger,
)
from quant_pipelines.core.orders import Side
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.exchange.ccxt_account import CcxtAccount, SmallestOrder
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.store import audit
from quant_pipelines.store.certificates import DEMO, Certificate, save_certificate
from quant_pipelines.store.engine import transaction
from quant_pipelines.trading.certificate import DEAD_MAN, Proof, has_passed
from quant_pipelines.trading.modes import mode_fault
from quant_pipelines.trading.venue import LimitOrder, MarketOrder, OrderUpdate, StopOrder, VenueEvent

_PATIENCE_SECONDS = 10.0
_LOOK_SECONDS = 0.25
_LARGEST_OFFSET_MS = 1_000
_STALE_MS = 30_000
_LEVERAGE = 2
_FAR = Decimal("0.9")
_TIMER_MS = 2_000


class CertificationError(ExchangeError):
    """The venue did something else than what the runner relies on."""


@dataclass(slots=True)
class Bench:
    """What the steps work on, and what they have found so far.

    Parameters
    ----------
    venue
        A demo account in which nothing is held.
    symbol
        What is traded.
    smallest
        In which quantity, and near which price.
    events
        What the user's stream has said since the start.
    was_empty
        Whether nothing was in the account: what is there later is ours, and is closed at the end.
    """

    venue: CcxtAccount
    symbol: str
    smallest: SmallestOrder
    events: list[VenueEvent]
    was_empty: bool = False

    @property
    def quantity(self) -> Decimal:
        """Quantity of every order, base."""
        return self.smallest.quantity

    def name(self, letter: str) -> str:
        """Name of an order that no other run has."""
        return f"certify-{system_clock_ms():x}-{letter}"


Trial = Callable[[Bench], Awaitable[str]]


async def certify(venue: CcxtAccount, symbol: str) -> list[Proof]:
    """Try every step; after one that fails the others are not tried, and what it left is closed.

    Parameters
    ----------
    venue
        A demo account.
    symbol
        A perpetual that it trades.

    Returns
    -------
    list of Proof
        In order; the last one failed if any did.

    Raises
    ------
    ExchangeError
        If the venue does not answer at all.
    """
    bench = Bench(venue, symbol, await venue.smallest_order(symbol), [])
    listening = asyncio.create_task(_listen(bench))
    steps: list[Proof] = []
    try:
        for name, trial in TRIALS:
            steps.append(await _tried(name, trial, bench))
            if not has_passed(steps):
                break
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        if bench.was_empty:
            await _clean_up(bench)
    return steps


async def _tried(name: str, trial: Trial, bench: Bench) -> Proof:
    is_required = name != DEAD_MAN
    try:
        return Proof(name, True, await trial(bench), is_required)
    except (ExchangeError, TimeoutError) as error:
        return Proof(name, False, str(error) or "nothing came within 10 s", is_required)


async def _listen(bench: Bench) -> None:
    async for event in bench.venue.events(bench.symbol):
        bench.events.append(event)


async def _until(what: Callable[[], Awaitable[bool]]) -> None:
    """Wait until the venue shows something.

    Raises
    ------
    TimeoutError
        If it does not within 10 s.
    """
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await what():  # noqa: ASYNC110 - the venue has no event for it
            await asyncio.sleep(_LOOK_SECONDS)


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise CertificationError(sentence)


async def _empty(bench: Bench) -> str:
    held = [one.symbol for one in await bench.venue.holdings()]
    working = [one.name for one in await bench.venue.working()]
    _require(not held and not working, f"{[*held, *working]} are in the account; expected an empty one")
    bench.was_empty = True
    return "nothing held, nothing works"


async def _time(bench: Bench) -> str:
    offset_ms = await bench.venue.now_ms() - system_clock_ms()
    _require(
        abs(offset_ms) <= _LARGEST_OFFSET_MS, f"clocks differ by {offset_ms} ms; expected at most 1000 ms"
    )
    return f"clocks differ by {offset_ms} ms"


async def _account(bench: Bench) -> str:
    fault = mode_fault(await bench.venue.modes())
    _require(not fault, fault)
    await bench.venue.prepare(bench.symbol, _LEVERAGE)
    return f"one-way and single-asset mode, cross margin, leverage {_LEVERAGE}"


async def _unknown(bench: Bench) -> str:
    name = bench.name("none")
    found = await bench.venue.find_order(bench.symbol, client_order_id=name)
    stop = await bench.venue.find_stop(bench.symbol, name)
    _require(found is None and stop is None, f"{found or stop} answers a name that was never sent")
    return "a name that was never sent is not found"


async def _stale(bench: Bench) -> str:
    name, stamp_ms = bench.name("late"), await bench.venue.now_ms() - _STALE_MS
    with suppress(ExchangeUnavailable):
        order = MarketOrder(name, bench.symbol, "buy", bench.quantity, stamp_ms)
        sent = await bench.venue.send(order)
        raise CertificationError(f"order stamped 30 s ago was taken as {sent.status}; expected a refusal")
    found = await bench.venue.find_order(bench.symbol, client_order_id=name)
    _require(found is None, "an order that was refused for its stamp is at the venue")
    return "an order stamped 30 s ago is refused, and is not there"


async def _entry(bench: Bench) -> str:
    name = bench.name("entry")
    sent = await bench.venue.send(await _order(bench, name, "buy"))

    async def is_filled() -> bool:
        found = await bench.venue.find_order(bench.symbol, client_order_id=name)
        return found is not None and found.filled_quantity == bench.quantity

    await _until(is_filled)
    trades = await bench.venue.trades(bench.symbol, "0")
    ours = [trade for trade in trades if trade.venue_order_id == sent.venue_order_id]
    bought = sum((trade.quantity for trade in ours), Decimal(0))
    _require(bought == bench.quantity, f"trades of the order sum to {bought}; expected {bench.quantity}")
    held = (await bench.venue.position(bench.symbol)).quantity
    _require(held == bench.quantity, f"position is {held}; expected {bench.quantity}")
    return f"{bench.quantity} filled in {len(ours)} trades, position equal"


async def _stream(bench: Bench) -> str:
    async def is_told() -> bool:
        updates = [event for event in bench.events if isinstance(event, OrderUpdate)]
        filled = sum((event.trade.quantity for event in updates if event.trade), Decimal(0))
        return filled >= bench.quantity

    await _until(is_told)
    return "the user's stream told the fill"


async def _stop(bench: Bench) -> str:
    stop = await _place_stop(bench, bench.name("stop"), Decimal("0.9"))
    found = await bench.venue.find_stop(bench.symbol, stop.client_order_id)
    _require(found is not None and found.status == "ACCEPTED", f"stop reads back as {found}")
    await bench.venue.cancel_stop(bench.symbol, stop.client_order_id)

    async def is_gone() -> bool:
        names = [one.client_order_id for one in await bench.venue.open_stops(bench.symbol)]
        return stop.client_order_id not in names

    await _until(is_gone)
    return f"a stop at {stop.trigger_price} stood, and was canceled"


async def _through(bench: Bench) -> str:
    name = bench.name("through")
    with suppress(StopWouldTrigger):
        await _place_stop(bench, name, Decimal("1.1"))
        raise CertificationError("a stop above the price was taken; expected a refusal")
    return "a stop that the price is through is refused"


async def _timer(bench: Bench) -> str:
    """Let the venue's timer cancel an order, and look whether the stop stands."""
    venue, symbol, name = bench.venue, bench.symbol, bench.name("rest")
    stop = await _place_stop(bench, bench.name("kept"), _FAR)
    try:
        quantity, price = 2 * bench.quantity, bench.smallest.price_at(_FAR)
        await venue.place_limit(LimitOrder(name, symbol, "buy", quantity, price, await venue.now_ms()))
        await venue.cancel_entries_after(symbol, _TIMER_MS)

        async def is_canceled() -> bool:
            found = await venue.find_order(symbol, client_order_id=name)
            return found is not None and found.status == "CANCELED"

        await _until(is_canceled)
        found = await venue.find_stop(symbol, stop.client_order_id)
        standing = [one.client_order_id for one in await venue.open_stops(symbol)]
        stands = found is not None and found.status == "ACCEPTED" and stop.client_order_id in standing
        _require(stands, f"the timer canceled an order, and the stop reads back as {found}")
    finally:
        with suppress(ExchangeError):
            await venue.cancel_entries_after(symbol, 0)
            await venue.cancel_order(symbol, name)
            await venue.cancel_stop(symbol, stop.client_order_id)
    return f"the timer canceled an order after {_TIMER_MS} ms; the stop at {stop.trigger_price} stood"


async def _exit(bench: Bench) -> str:
    await bench.venue.send(await _order(bench, bench.name("exit"), "sell", reduce_only=True))

    async def is_flat() -> bool:
        return not (await bench.venue.position(bench.symbol)).quantity

    await _until(is_flat)
    with suppress(ExchangeRefused):
        await bench.venue.send(await _order(bench, bench.name("again"), "sell", reduce_only=True))
        held = (await bench.venue.position(bench.symbol)).quantity
        _require(not held, f"a reduce-only order has opened {held}; expected nothing")
    return "closed by a reduce-only order; a second one opened nothing"


async def _income(bench: Bench) -> str:
    since_ms = await bench.venue.now_ms() - MINUTE_MS
    return f"{len(await bench.venue.payments(bench.symbol, since_ms))} payments in the last minute"


TRIALS: tuple[tuple[str, Trial], ...] = (
    ("time", _time),
    ("empty account", _empty),
    ("settings", _account),
    ("unknown name", _unknown),
    ("late order", _stale),
    ("entry", _entry),
    ("stream", _stream),
    ("stop", _stop),
    ("stop through", _through),
    (DEAD_MAN, _timer),
    ("exit", _exit),
    ("income", _income),
)
"""What is tried, in order: each step rests on those before it, but for the timer, which nothing rests on."""


async def _order(bench: Bench, name: str, side: Side, *, reduce_only: bool = False) -> MarketOrder:
    stamp_ms = await bench.venue.now_ms()
    return MarketOrder(name, bench.symbol, side, bench.quantity, stamp_ms, reduce_only)


async def _place_stop(bench: Bench, name: str, share: Decimal) -> StopOrder:
    stamp_ms = await bench.venue.now_ms()
    stop = StopOrder(name, bench.symbol, "sell", bench.smallest.price_at(share), stamp_ms)
    await bench.venue.place_stop(stop)
    return stop


async def _clean_up(bench: Bench) -> None:
    """Close what a failed step has left; what can't be closed now is told by the next run."""
    with suppress(ExchangeError):
        for order in await bench.venue.working():
            if order.name.startswith("certify-"):
                cancel = bench.venue.cancel_stop if order.is_conditional else bench.venue.cancel_order
                await cancel(order.symbol, order.name)
        held = (await bench.venue.position(bench.symbol)).quantity
        if held > 0:
            left = MarketOrder(
                bench.name("left"), bench.symbol, "sell", held, await bench.venue.now_ms(), reduce_only=True
            )
            await bench.venue.send(left)


def store_certificate(engine: Engine, signature: Signature, record: Certificate) -> Receipt:
    """Store the record of a run, and say in the audit log what it was."""
    passed = has_passed(record.steps)
    subject = f"venue:{record.exchange}"
    with transaction(engine) as connection:
        number = save_certificate(connection, record)
        told = {"reason": signature.reason, "certificate": number, "passed": passed, "place": record.place}
        audit_id = audit.append(connection, signature.operator, "venue.certified", subject, told)
    failed = [step for step in record.steps if not has_passed([step])]
    unlocks = "real orders of this code are unlocked" if record.place == DEMO else "it unlocks no real orders"
    n_held = sum(step.passed for step in record.steps)
    summary = (
        f"{record.exchange} at {record.place}: {n_held} steps held; {unlocks}"
        if passed
        else f"{record.exchange} at {record.place}: step {failed[0].name!r} failed: {failed[0].evidence}"
        if failed
        else f"{record.exchange} at {record.place}: nothing was tried"
    )
    return Receipt("venue.certified", subject, summary, audit_id)
