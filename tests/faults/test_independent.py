"""The examiner of its own sees one doctored row for each invariant, and nothing in a world that is well."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from multidict import MultiDict

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.simulator.venue.records import AlgoOrder, FillRecord, Order
from quant_pipelines.store.heartbeats import halt_alert
from quant_pipelines.store.trading import Income
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.breaker import Trip
from quant_pipelines.trading.orders import OrderProgress
from tests.faults.doctored import a_target, doctored, put
from tests.faults.evidence import Evidence
from tests.faults.independent import Independent
from tests.faults.requests import Asked
from tests.faults.world import World, played
from tests.memory_journal import Committed, StandingAlert, Tables


@pytest.fixture(scope="module")
def quiet() -> Iterator[World]:
    """A world that has ended well and holds something, with its books open."""
    with played(5, n_events=60, is_faulty=False) as world:
        yield world


def invariants(examiner: Independent) -> set[str]:
    return {violation.invariant for violation in examiner.found}


def say(tables: Tables, name: str, *states: str) -> None:
    """Log states of an order, as commits of their own."""
    tables.log += [Committed("orders", (name,), (OrderProgress(one), None, "")) for one in states]  # type: ignore[arg-type]


def without_an_intent(world: World) -> None:
    tables = world.journal.tables
    tables.orders.pop(a_target(tables).intent.client_order_id)


def without_a_fill(world: World) -> None:
    fills = world.journal.tables.fills
    fills.pop(next(iter(fills)))


def with_an_invented_fill(world: World) -> None:
    fills = world.journal.tables.fills
    (*place, _, part), (whose, fill) = next(iter(fills.items()))
    fills[(*place, "99999", part)] = whose, replace(fill, trade_id="99999")


def with_another_fee(world: World) -> None:
    fills = world.journal.tables.fills
    key, (whose, fill) = next(iter(fills.items()))
    fills[key] = whose, replace(fill, fee=fill.fee + Decimal("1e-8"))


def with_another_time(world: World) -> None:
    fills = world.journal.tables.fills
    key, (whose, fill) = next(iter(fills.items()))
    fills[key] = whose, replace(fill, ts=fill.ts + timedelta(milliseconds=1))


def with_a_cross_of_one_side(world: World) -> None:
    fills = world.journal.tables.fills
    (*place, _, _), (whose, fill) = next(iter(fills.items()))
    fills[(*place, "internal-a/b", 0)] = whose, replace(fill, trade_id="internal-a/b", fee=Decimal(0))


def with_another_position(world: World) -> None:
    positions = world.journal.tables.positions
    key, held = next(iter(positions.items()))
    positions[key] = replace(held, quantity=held.quantity + 1)


def with_another_profit(world: World) -> None:
    positions = world.journal.tables.positions
    key, held = next(iter(positions.items()))
    positions[key] = replace(held, realized_pnl=held.realized_pnl + Decimal("1e-5"))


def with_another_entry(world: World) -> None:
    positions = world.journal.tables.positions
    key, held = next(iter(positions.items()))
    positions[key] = replace(held, entry_price=held.entry_price + Decimal("0.1"))


def with_a_second_stop(world: World) -> None:
    tables, stop = world.journal.tables, next(iter(world.ledger.algos.values()))
    order, name = tables.orders[stop.client_id], "q1-7-0-s"
    put(tables, replace(order, intent=replace(order.intent, client_order_id=name)))
    world.ledger.store.put(replace(stop, number=5_000_000, client_id=name))


def with_a_payment(world: World) -> None:
    at = from_ms(0)
    world.journal.tables.income[7, "funding", at] = Income("funding", at, Decimal("0.01"))


def with_an_order_twice(world: World) -> None:
    order = next(one for one in world.ledger.store.select(Order) if not one.algo)
    world.ledger.store.put(replace(order, number=order.number + 1_000_000))


def with_two_children(world: World) -> None:
    store = world.ledger.store
    first, algo = store.select(Order)[0], store.select(AlgoOrder)[0]
    for number in (5_000_001, 5_000_002):
        store.put(replace(first, number=number, client_id=algo.client_id, algo=algo.number))


def with_a_refused_order_filled(world: World) -> None:
    order = a_target(world.journal.tables)
    put(world.journal.tables, replace(order, progress=OrderProgress("REJECTED")))


def with_a_filled_order_expired(world: World) -> None:
    order = a_target(world.journal.tables)
    put(world.journal.tables, replace(order, progress=OrderProgress("EXPIRED"), venue_order_id=None))


def with_an_order_that_goes_on(world: World) -> None:
    order = a_target(world.journal.tables)
    put(world.journal.tables, replace(order, progress=OrderProgress("UNKNOWN")))


def with_an_ended_state_left(world: World) -> None:
    say(world.journal.tables, a_target(world.journal.tables).intent.client_order_id, "UNKNOWN")


def with_a_halt_without_a_reason(world: World) -> None:
    world.journal.tables.alerts.append(
        StandingAlert(halt_alert("deployment:7", Trip("failed", " "), from_ms(0)))
    )


def with_an_intent_of_another_writer(world: World) -> None:
    order = a_target(world.journal.tables)
    put(world.journal.tables, replace(order, epoch=order.epoch + 1))


def with_a_fill_the_books_have_not(world: World) -> None:
    fill = world.ledger.store.select(FillRecord)[0]
    world.ledger.store.put(replace(fill, number=99_999))


@pytest.mark.parametrize(
    ("doctor", "expected"),
    [
        (lambda _world: None, set()),
        (without_an_intent, {"I1"}),
        (without_a_fill, {"I2", "I3"}),
        (with_an_invented_fill, {"I2", "I3"}),
        (with_another_fee, {"I2", "I3"}),
        (with_another_time, {"I2"}),
        (with_a_cross_of_one_side, {"I2", "I3"}),
        (with_a_fill_the_books_have_not, {"I2"}),
        (with_another_position, {"I3"}),
        (with_another_profit, {"I3"}),
        (with_another_entry, {"I3"}),
        (with_a_payment, {"I3"}),
        (with_a_second_stop, {"I5"}),
        (with_an_order_twice, {"I5"}),
        (with_two_children, {"I5"}),
        (with_a_refused_order_filled, {"I7"}),
        (with_a_filled_order_expired, {"I7"}),
        (with_an_ended_state_left, {"I7"}),
        (with_an_intent_of_another_writer, {"I9"}),
        (with_an_order_that_goes_on, {"I10"}),
        (with_a_halt_without_a_reason, {"I10"}),
    ],
)
def test_a_doctored_row_is_seen(doctor: Callable[[World], None], expected: set[str], quiet: World) -> None:
    with doctored(quiet) as evidence:
        doctor(quiet)
        examiner = Independent(evidence)
        examiner.look_at_rest()
    assert invariants(examiner) == expected


@pytest.mark.parametrize(("after_ms", "expected"), [(1_500, {"I7"}), (2_500, set[str]())])
def test_an_unknown_order_is_refused_only_when_it_can_not_arrive_any_more(
    after_ms: int, expected: set[str], quiet: World
) -> None:
    with doctored(quiet) as evidence:
        now, tables = [0], quiet.journal.tables
        order = a_target(tables)
        name = "q1-7-0-t"
        put(tables, replace(order, intent=replace(order.intent, client_order_id=name)))
        examiner = Independent(replace(evidence, now_ms=lambda: now[0]))
        tables.orders[name] = replace(tables.orders[name], progress=OrderProgress("SUBMITTED"))
        examiner.look_at_order(sent(tables.orders[name]))
        say(tables, name, "SUBMITTED", "UNKNOWN")
        examiner.look()
        now[0] = after_ms
        say(tables, name, "REJECTED")
        examiner.look()
    assert invariants(examiner) & {"I7"} == expected


@pytest.mark.parametrize(("seconds", "expected"), [(2.5, set[str]()), (3.5, {"I6"})])
def test_a_position_without_a_stop_is_seen_once_the_time_for_it_is_over(
    seconds: float, expected: set[str], quiet: World
) -> None:
    with doctored(quiet) as evidence:
        now = [evidence.now_ms()]
        examiner = Independent(replace(evidence, now_ms=lambda: now[0]))
        examiner.look()  # the log may tell of an exit, which counts as under way for a moment
        now[0] += 10_000
        quiet.ledger.algos = {}
        examiner.look()
        now[0] += int(seconds * 1000)
        examiner.look()
    assert evidence.held()
    assert invariants(examiner) == expected


def half_as_large(algo: AlgoOrder) -> AlgoOrder:
    return replace(algo, close_position=False, quantity=algo.quantity / 2, reduce_only=True)


def of_the_wrong_side(algo: AlgoOrder) -> AlgoOrder:
    return replace(algo, side="BUY" if algo.side == "SELL" else "SELL")


@pytest.mark.parametrize("spoil", [half_as_large, of_the_wrong_side])
def test_a_stop_that_does_not_cover_is_none(spoil: Callable[[AlgoOrder], AlgoOrder], quiet: World) -> None:
    with doctored(quiet) as evidence:
        now = [evidence.now_ms()]
        examiner = Independent(replace(evidence, now_ms=lambda: now[0]))
        for later in (10_000, 10_000):
            now[0] += later
            examiner.look()
        assert examiner.found == {}
        quiet.ledger.algos = {key: spoil(one) for key, one in quiet.ledger.algos.items()}
        for later in (0, 3_500):
            now[0] += later
            examiner.look()
    assert invariants(examiner) == {"I6"}


class TradedByHand(Evidence):
    """Every fill is one of somebody else."""

    def fills_of_others(self) -> dict[str, FillRecord]:
        return {str(one.number): one for one in self.ledger.store.select(FillRecord)}


@pytest.mark.parametrize(("kind", "is_seen"), [(Evidence, True), (TradedByHand, False)])
def test_a_stop_that_is_left_is_seen_unless_a_hand_has_closed(
    kind: type[Evidence], is_seen: bool, quiet: World
) -> None:
    with doctored(quiet) as evidence:
        held, quiet.ledger.positions = quiet.ledger.positions, {}
        examiner = Independent(kind(evidence.ledger, evidence.journal, evidence.market_id, evidence.now_ms))
        examiner.look_at_rest()
        quiet.ledger.positions = held
    assert any("nothing is held" in one.what for one in examiner.found) == is_seen


def sent(order: PlacedOrder, **other: str) -> Asked:
    """The request that sends what was intended, or something else."""
    intent = order.intent
    told = {"side": intent.side.upper(), "type": "MARKET", "quantity": str(intent.quantity)}
    told |= {"newClientOrderId": intent.client_order_id, "recvWindow": "2000"} | other
    return Asked("POST", "", "/fapi/v1/order", {}, MultiDict(), urlencode(told))


def in_a_halt(tables: Tables) -> None:
    alert = halt_alert("deployment:7", Trip("failed", "it failed"), from_ms(0))
    tables.alerts.append(StandingAlert(alert))
    tables.log.append(Committed("alerts", (len(tables.alerts),), alert))


def in_a_halt_of_another(tables: Tables) -> None:
    alert = halt_alert("deployment:7", Trip("failed", "it failed"), from_ms(0))
    tables.alerts.append(StandingAlert(alert, from_ms(1)))
    tables.log.append(Committed("alerts", (len(tables.alerts),), alert))


def of_a_writer_before(tables: Tables) -> None:
    tables.epochs.append("world:2")


def beside_an_unknown_one(tables: Tables) -> None:
    order = a_target(tables)
    intent = replace(order.intent, client_order_id="q1-7-0-t")
    put(tables, replace(order, intent=intent, progress=OrderProgress("UNKNOWN")))


def without_its_intent(tables: Tables) -> None:
    tables.orders.pop(a_target(tables).intent.client_order_id)


@pytest.mark.parametrize(
    ("doctor", "other", "expected"),
    [
        (lambda _tables: None, {}, set()),
        (in_a_halt_of_another, {}, set()),
        (without_its_intent, {}, {"I1"}),
        (lambda _tables: None, {"quantity": "0.001"}, {"I1"}),
        (lambda _tables: None, {"type": "LIMIT"}, {"I1"}),
        (beside_an_unknown_one, {}, {"I4"}),
        (in_a_halt, {}, {"I8"}),
        (in_a_halt, {"reduceOnly": "true"}, set()),
        (of_a_writer_before, {}, {"I9"}),
        (lambda _tables: None, {"recvWindow": "5000"}, {"I9"}),
    ],
)
def test_an_order_that_may_not_leave_is_seen(
    doctor: Callable[[Tables], None], other: dict[str, str], expected: set[str], quiet: World
) -> None:
    """The first order of a world that is flat, sent once more as if it were new."""
    with doctored(quiet) as evidence:
        now, tables, held = [0], quiet.journal.tables, quiet.ledger.positions
        quiet.ledger.positions = {}
        order = replace(a_target(tables), progress=OrderProgress("SUBMITTED"))
        put(tables, order)
        doctor(tables)
        examiner = Independent(replace(evidence, now_ms=lambda: now[0]))
        examiner.look()
        before: Any = dict(examiner.found)
        now[0] = 20_000
        examiner.look_at_order(sent(order, **other))
        quiet.ledger.positions = held
    new = {violation.invariant for violation in examiner.found if violation not in before}
    assert new == expected


def an_entry_at_rest(tables: Tables) -> PlacedOrder:
    order = a_target(tables)
    limit = replace(order.intent, order_type="limit")
    return replace(order, intent=limit, progress=OrderProgress("PENDING_UPDATE"))


@pytest.mark.parametrize(
    ("doctor", "other", "expected"),
    [
        (lambda _tables: None, {}, set()),
        (lambda _tables: None, {"quantity": "9"}, {"I1"}),
        (without_its_intent, {}, {"I1"}),
        (in_a_halt, {}, {"I8"}),
        (of_a_writer_before, {}, set()),
    ],
)
def test_a_change_that_may_not_leave_is_seen(
    doctor: Callable[[Tables], None], other: dict[str, str], expected: set[str], quiet: World
) -> None:
    """An entry of another life is moved on by the next one; its quantity is what it was."""
    with doctored(quiet) as evidence:
        now, tables = [0], quiet.journal.tables
        put(tables, order := an_entry_at_rest(tables))
        doctor(tables)
        examiner = Independent(replace(evidence, now_ms=lambda: now[0]))
        examiner.look()
        before: Any = dict(examiner.found)
        now[0] = 20_000
        told = {"origClientOrderId": order.intent.client_order_id, "side": order.intent.side.upper()}
        told |= {"quantity": str(order.intent.quantity), "price": "1", "recvWindow": "2000"} | other
        examiner.look_at_order(Asked("PUT", "", "/fapi/v1/order", {}, MultiDict(), urlencode(told)))
    assert {violation.invariant for violation in examiner.found if violation not in before} == expected


@pytest.mark.parametrize("status", ["UNKNOWN", "REJECTED", "FILLED"])
def test_an_order_that_is_sent_again_is_seen(status: Any, quiet: World) -> None:
    with doctored(quiet) as evidence:
        order = replace(a_target(quiet.journal.tables), progress=OrderProgress(status))
        put(quiet.journal.tables, order)
        examiner = Independent(evidence)
        examiner.look_at_order(sent(order, reduceOnly="true"))
    assert invariants(examiner) == {"I5"}


def test_an_intent_that_comes_behind_its_order_is_seen(quiet: World) -> None:
    with doctored(quiet) as evidence:
        order = replace(a_target(quiet.journal.tables), progress=OrderProgress("SUBMITTED"))
        put(quiet.journal.tables, order)
        examiner = Independent(evidence)
        examiner.look_at_order(sent(order, reduceOnly="true"))
        assert examiner.found == {}
        arrived = next(one for one in evidence.orders() if one.client_id == order.intent.client_order_id)
        quiet.ledger.store.put(arrived)
        examiner.look()
    assert invariants(examiner) == {"I1"}
