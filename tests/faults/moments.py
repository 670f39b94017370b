"""What happens in a world by itself, at any second: one row each."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.simulator.queries import Query, VenueError
from quant_pipelines.simulator.venue.booking import Match, Movement, book_income
from quant_pipelines.simulator.venue.credentials import DEMO_KEYS
from quant_pipelines.simulator.venue.matching import execute
from quant_pipelines.simulator.venue.messages import tell_order
from quant_pipelines.simulator.venue.records import Order
from quant_pipelines.store.heartbeats import halt_alert
from quant_pipelines.trading.breaker import Trip

if TYPE_CHECKING:
    from tests.faults.world import World

MARKET_ID = "BTCUSDT"
_ZERO = Decimal(0)
_RECONCILES_SECONDS = 5.0
"""How often the runner of a world looks at the venue without being told."""
_BEGINS_SECONDS = 6.0
"""How long a runner may take from a venue that is back to the first level that it places."""
_DATABASE_SECONDS = 18.0
"""The same behind a database that was away: it is asked for again every 10 s at the latest."""


class Moment(NamedTuple):
    """One row: what happens, and how often in a second."""

    name: str
    act: Callable[["World"], Awaitable[None]]
    rate: tuple[float, float] = (0.006, 0.02)


async def _skewed(world: "World") -> None:
    """The runner's clock is wrong for a while; both ends of that are jumps."""
    world.skew_ms = world.chance.choice((-1, 1)) * int(1000 * world.chance.uniform(0.5, 60.0))
    world.hinder(_BEGINS_SECONDS)
    await asyncio.sleep(world.chance.uniform(1.0, 60.0))
    world.skew_ms = 0
    world.hinder(_BEGINS_SECONDS)


async def _maintenance(world: "World") -> None:
    seconds = world.chance.choice((5.0, 5.0, 30.0, 30.0, 300.0)) * world.chance.uniform(1.0, 6.0)
    world.network.go_away(seconds)
    world.hinder(seconds + _BEGINS_SECONDS)


async def _halted(world: "World") -> None:
    seconds = world.chance.uniform(2.0, 120.0)
    await _without_orders(world, seconds)


async def _without_orders(world: "World", seconds: float) -> None:
    world.venue.halted.add(MARKET_ID)
    world.hinder(seconds + _RECONCILES_SECONDS + _BEGINS_SECONDS)
    await asyncio.sleep(seconds)
    if MARKET_ID not in world.delisted:
        world.venue.halted.discard(MARKET_ID)


async def _delisted(world: "World") -> None:
    """The venue cancels what rests, settles what is held, and takes no order any more."""
    if world.delisted:
        return
    world.delisted.add(MARKET_ID)
    _ask(world, "DELETE", "/fapi/v1/allOpenOrders", symbol=MARKET_ID)
    world.venue.halted.add(MARKET_ID)
    for algo in [one for one in world.ledger.algos.values() if one.symbol == MARKET_ID]:
        _ask(world, "DELETE", "/fapi/v1/algoOrder", symbol=MARKET_ID, clientAlgoId=algo.client_id)
    _close(world, "settlement_autoclose-", Decimal(1))


async def _liquidated(world: "World") -> None:
    """Take the margin away, so that the venue closes what is held."""
    if not _held(world):
        return
    ledger, keeps = world.ledger, world.chance.choice((Decimal("0.5"), Decimal(30), Decimal(70)))
    with ledger.transaction():
        taken = keeps - ledger.account.wallet
        book_income(ledger, Movement("TRANSFER", taken, world.clock()))
    await asyncio.sleep(world.chance.uniform(1.0, 70.0))
    with ledger.transaction():
        book_income(ledger, Movement("TRANSFER", -taken, world.clock()))


async def _short_of_margin(world: "World") -> None:
    """Leave so little that the venue would soon close what is held."""
    ledger = world.ledger
    with ledger.transaction():
        taken = Decimal(world.chance.choice((55, 65, 75))) - ledger.account.wallet
        book_income(ledger, Movement("TRANSFER", taken, world.clock()))
    await asyncio.sleep(world.chance.uniform(65.0, 120.0))
    with ledger.transaction():
        book_income(ledger, Movement("TRANSFER", -taken, world.clock()))


async def _deleveraged(world: "World") -> None:
    _close(world, "adl_autoclose", world.chance.choice((Decimal("0.3"), Decimal(1))))


async def _gap(world: "World") -> None:
    """Price jumps through the stop and comes back; the stop's order meets the prices of then."""
    side = world.chance.choice((-1, 1))
    world.prices.factor = 1 + side * Decimal(str(round(world.chance.uniform(0.03, 0.12), 4)))
    await asyncio.sleep(world.chance.uniform(0.5, 5.0))
    world.prices.factor = Decimal(1)


async def _thinned(world: "World") -> None:
    """There is little in the book: orders are filled in parts, and not always as a whole."""
    world.prices.share = Decimal(world.chance.choice(("0.1", "0.01", "0.001")))
    await asyncio.sleep(world.chance.uniform(20.0, 120.0))
    world.prices.share = Decimal(1)


async def _gap_in_a_halt(world: "World") -> None:
    """The stop triggers while no order is taken: its order is rejected, and the position stands."""
    halting = asyncio.create_task(_without_orders(world, 4.0))
    await _gap(world)
    await halting


async def _traded_by_hand(world: "World") -> None:
    side, quantity = world.chance.choice(("BUY", "SELL")), world.chance.choice(("0.002", "0.05", "0.3"))
    if not _has_looked(world):
        return  # what was before a runner's first look is where it begins, and nobody is told of it
    _ask(world, "POST", "/fapi/v1/order", symbol=MARKET_ID, side=side, type="MARKET", quantity=quantity)
    world.hinder(_RECONCILES_SECONDS + _BEGINS_SECONDS)


async def _stop_canceled_by_hand(world: "World") -> None:
    for algo in list(world.ledger.algos.values()):
        _ask(world, "DELETE", "/fapi/v1/algoOrder", symbol=algo.symbol, clientAlgoId=algo.client_id)
    world.hinder(_RECONCILES_SECONDS)


async def _leverage_changed(world: "World") -> None:
    leverage = str(world.chance.choice((1, 3, 20, 50)))
    _ask(world, "POST", "/fapi/v1/leverage", symbol=MARKET_ID, leverage=leverage)


async def _mode_changed(world: "World") -> None:
    _ask(world, "POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    _ask(world, "POST", "/fapi/v1/marginType", symbol=MARKET_ID, marginType="ISOLATED")
    await asyncio.sleep(world.chance.uniform(5.0, 30.0))
    _ask(world, "POST", "/fapi/v1/positionSide/dual", dualSidePosition="false")
    _ask(world, "POST", "/fapi/v1/marginType", symbol=MARKET_ID, marginType="CROSSED")


async def _key_deleted(world: "World") -> None:
    with suppress(VenueError):
        world.service.ask_key("DELETE", next(iter(DEMO_KEYS)))


async def _database_away(world: "World") -> None:
    seconds = world.chance.choice((0.5, 5.0, 30.0)) * world.chance.uniform(0.5, 2.0)
    world.server.away_until = asyncio.get_running_loop().time() + seconds
    world.hinder(seconds + _DATABASE_SECONDS)


async def _killed(world: "World") -> None:
    world.hinder(_BEGINS_SECONDS)
    await world.supervisors[0].kill()


async def _lock_lost(world: "World") -> None:
    """The server ends the writer's session; the writer has not noticed, and another one may take over."""
    world.hinder(_BEGINS_SECONDS)
    world.leases.drop_holder()


async def _frozen_by_hand(world: "World") -> None:
    world.operator.freeze()


async def _flattened_by_hand(world: "World") -> None:
    world.operator.flatten()


MOMENTS: tuple[Moment, ...] = (
    Moment("clock_skewed", _skewed),
    Moment("maintenance", _maintenance, (0.006, 0.015)),
    Moment("symbol_halted", _halted, (0.006, 0.02)),
    Moment("delisted", _delisted, (0.01, 0.03)),
    Moment("liquidated", _liquidated),
    Moment("short_of_margin", _short_of_margin, (0.01, 0.02)),
    Moment("deleveraged", _deleveraged),
    Moment("price_gap", _gap),
    Moment("thin_book", _thinned),
    Moment("gap_in_a_halt", _gap_in_a_halt),
    Moment("traded_by_hand", _traded_by_hand, (0.006, 0.015)),
    Moment("stop_canceled_by_hand", _stop_canceled_by_hand),
    Moment("leverage_changed", _leverage_changed),
    Moment("mode_changed", _mode_changed, (0.01, 0.03)),
    Moment("listen_key_deleted", _key_deleted),
    Moment("database_away", _database_away, (0.006, 0.02)),
    Moment("killed", _killed),
    Moment("lock_lost", _lock_lost),
    Moment("frozen_by_hand", _frozen_by_hand),
    Moment("flattened_by_hand", _flattened_by_hand),
)


class Operator:
    """A person who looks from time to time, and lets what was halted go on once it may.

    Parameters
    ----------
    world
        Whose alerts.
    """

    def __init__(self, world: "World") -> None:
        self._world = world

    def freeze(self) -> None:
        """Stop decisions."""
        self._trip("frozen", "a person stopped it")

    def flatten(self) -> None:
        """Close what is held."""
        self._trip("flattened", "a person closed it")

    def rearm(self) -> None:
        """Let everything go on that has cooled down."""
        world, now = self._world, from_ms(self._world.clock())
        halts = world.rows.read_controls().halts
        for source, trips in halts.items():
            if all(trip.cools_until_ms <= world.clock() for trip in trips):
                world.rows.resolve(source, now)
        world.leases.announce()

    def _trip(self, event: str, why: str) -> None:
        world = self._world
        trip = Trip(event, why)  # type: ignore[arg-type]
        source = world.deployment.whole
        world.rows.write_alert(halt_alert(source, trip, from_ms(world.clock())))
        world.leases.announce()


def _has_looked(world: "World") -> bool:
    """Whether a book knows up to which trade of the venue it is booked."""
    states = (state for _, state in world.journal.tables.checkpoints.values())
    return any(state.get("swept_trade_id") is not None for state in states)


def _held(world: "World") -> Decimal:
    return world.ledger.position(MARKET_ID).quantity


def _ask(world: "World", method: str, path: str, **parameters: str) -> None:
    """Ask the venue as a person does, beside the runner; what it refuses has not happened."""
    with suppress(VenueError):
        world.service.ask(method, path, Query(parameters))


def _close(world: "World", prefix: str, share: Decimal) -> None:
    """Have the venue itself close a part of the position, at the last price and without a fee."""
    venue, ledger = world.venue, world.ledger
    held = _held(world)
    if not held:
        return
    quantity = max((abs(held) * share).quantize(Decimal("0.001")), Decimal("0.001"))
    with ledger.transaction():
        venue.now_ms = max(world.clock(), ledger.played_ms)
        now, number = venue.now_ms, ledger.next_number()
        side = "SELL" if held > 0 else "BUY"
        order = Order(
            number=number,
            client_id=f"{prefix}{number}",
            symbol=MARKET_ID,
            side=side,
            kind="MARKET",
            time_in_force="IOC",
            quantity=quantity,
            price=_ZERO,
            reduce_only=False,
            close_position=False,
            algo=0,
            good_till_ms=0,
            status="NEW",
            filled=_ZERO,
            quote=_ZERO,
            created_ms=now,
            updated_ms=now,
        )
        ledger.put(order)
        tell_order(venue, order, "NEW")
        price = venue.quote(MARKET_ID).last
        execute(venue, order, Match(price, quantity, _ZERO, is_maker=False))
