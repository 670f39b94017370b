"""One suite over every implementation of the journal: whole or nothing, each row once, one writer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from quant_pipelines.core.errors import ReconciliationError, StoreError
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.store.certificates import Permits
from quant_pipelines.store.heartbeats import Alert, Heartbeat, halt_alert
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.outages import OUTAGE
from quant_pipelines.store.rearmed import EquityThen, Rearmed
from quant_pipelines.store.trading import (
    EquityPoint,
    Income,
    OrderState,
    Signal,
)
from quant_pipelines.store.venue_orders import OrderStep
from quant_pipelines.trading.breaker import Trip
from quant_pipelines.trading.orders import UNPROVEN, OrderProgress
from tests.contract.journals import FILL, FUNDING, MINUTE, NOW, Bench, in_memory, in_postgres, intent

pytestmark = pytest.mark.postgres


@pytest.fixture(params=["memory", "postgres"])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "memory":
        return in_memory()
    return in_postgres(request.getfixturevalue("engine"))


def test_a_book_without_rows_is_empty(bench: Bench) -> None:
    stored = bench.journal.read_book(bench.deployment.id)
    assert (stored.state, stored.bar_close, stored.last_signal) == (None, None, None)
    assert (stored.fills, stored.income, stored.open_intents) == ((), (), ())
    assert bench.journal.read_orders(bench.deployment.id) == []


def test_a_booking_is_read_back_as_it_was_written(bench: Bench) -> None:
    signal = Signal(NOW, 1.0, 100.1, {"reason": "target changed"})
    written = bench.booking(
        fills=(FILL,),
        income=(FUNDING,),
        equity=(EquityPoint(NOW, 1.0, 2.0, 3.0, 7.0),),
        signal=signal,
        intent=intent(),
        state={"cash": 0.1 + 0.2},
    )
    bench.journal.book(bench.epoch, written, NOW)
    stored = bench.journal.read_book(bench.deployment.id)
    assert (stored.state, stored.bar_close) == ({"cash": 0.1 + 0.2}, NOW)
    assert (stored.fills, stored.income) == ((FILL,), (FUNDING,))
    assert (stored.open_intents, stored.last_signal) == ((intent(),), signal)
    [order] = bench.journal.read_orders(bench.deployment.id)
    assert (order.intent, order.epoch) == (intent(), bench.epoch)
    assert order.progress == OrderProgress("INITIALIZED")


@pytest.mark.parametrize("earlier", [timedelta(0), MINUTE])
def test_a_bar_is_booked_once_and_none_behind_it(bench: Bench, earlier: timedelta) -> None:
    bench.journal.book(bench.epoch, bench.booking(), NOW)
    with pytest.raises(ReconciliationError, match="booked before"):
        bench.journal.book(bench.epoch, bench.booking(NOW - earlier, fills=(FILL,)), NOW)
    assert bench.journal.read_book(bench.deployment.id).fills == ()


def test_a_fill_that_is_stored_takes_its_whole_booking_back(bench: Bench) -> None:
    bench.journal.book(bench.epoch, bench.booking(fills=(FILL,)), NOW)
    later = NOW + MINUTE
    again = bench.booking(later, fills=(FILL,), intent=intent(later), income=(FUNDING,))
    with pytest.raises(ReconciliationError, match="stored already"):
        bench.journal.book(bench.epoch, again, NOW)
    stored = bench.journal.read_book(bench.deployment.id)
    assert (stored.bar_close, stored.open_intents, stored.income) == (NOW, (), ())


def test_legs_of_a_set_are_booked_together_or_not_at_all(bench: Bench) -> None:
    both = bench.booking(fills=(FILL,)), replace(bench.booking(), deployment_id=bench.other)
    bench.journal.book(bench.epoch, both[0], NOW, both[1:])
    later = NOW + MINUTE
    ahead, again = bench.booking(later, intent=intent(later)), both[1]
    with pytest.raises(ReconciliationError, match="booked before"):
        bench.journal.book(bench.epoch, ahead, NOW, [again])
    with pytest.raises(ReconciliationError, match="and bars are booked up to"):
        bench.journal.book_decision(
            bench.epoch, bench.booking(intent=intent()), NOW, [replace(again, bar_close=later)]
        )
    closes = [bench.journal.read_book(key).bar_close for key in (bench.deployment.id, bench.other)]
    assert closes == [NOW, NOW]
    assert bench.journal.read_book(bench.deployment.id).open_intents == ()


def test_one_bar_yields_one_intent_also_across_epochs(bench: Bench) -> None:
    bench.journal.book(bench.epoch, bench.booking(intent=intent()), NOW)
    newer = bench.journal.open_epoch("test:2", NOW)
    other = replace(intent(), client_order_id="q2-1-x-t")
    with pytest.raises(ReconciliationError, match="stored already"):
        bench.journal.book(newer, bench.booking(NOW + MINUTE, intent=other), NOW)


def test_a_name_of_an_order_is_given_once(bench: Bench) -> None:
    added = bench.add_order()
    with pytest.raises(ReconciliationError, match="stored already"):
        bench.journal.add_order(bench.epoch, bench.deployment, replace(added, purpose="exit"), NOW)


WRITES: dict[str, Callable[[Bench], None]] = {
    "book": lambda at: at.journal.book(at.epoch, at.booking(NOW + MINUTE), NOW),
    "book_decision": lambda at: at.journal.book_decision(at.epoch, at.booking(intent=intent()), NOW),
    "add_order": lambda at: at.journal.add_order(at.epoch, at.deployment, intent(NOW - MINUTE), NOW),
    "follow_order": lambda at: at.journal.follow_order(
        at.epoch, OrderStep("q1-1-2358-t", OrderProgress("ACCEPTED")), NOW
    ),
    "receive": lambda at: at.journal.receive(at.epoch, [at.received()], NOW),
}


def prepared(bench: Bench) -> Bench:
    """Journal on which each of the writes is possible once."""
    bench.journal.book(bench.epoch, bench.booking(), NOW)
    bench.add_order(NOW - 2 * MINUTE)
    return bench


def rows_of(bench: Bench) -> tuple[Any, ...]:
    key = bench.deployment.id
    return bench.journal.read_book(key), bench.journal.read_orders(key)


@pytest.mark.parametrize("name", WRITES)
def test_a_writer_of_an_old_epoch_writes_nothing(bench: Bench, name: str) -> None:
    before = rows_of(prepared(bench))
    newer = bench.journal.open_epoch("test:2", NOW)
    assert newer > bench.epoch
    with pytest.raises(StoreError, match=f"writer {newer} has taken over"):
        WRITES[name](bench)
    assert rows_of(bench) == before


@pytest.mark.parametrize("name", WRITES)
def test_a_break_before_the_commit_leaves_nothing_to_be_found(bench: Bench, name: str) -> None:
    before = rows_of(prepared(bench))
    bench.break_commit("before")
    with pytest.raises(StoreError, match="broke"):
        WRITES[name](bench)
    assert rows_of(bench) == before
    WRITES[name](bench)
    assert rows_of(bench) != before


@pytest.mark.parametrize("name", WRITES)
def test_a_break_behind_the_commit_leaves_all_of_it(bench: Bench, name: str) -> None:
    before = rows_of(prepared(bench))
    bench.break_commit("after")
    with pytest.raises(StoreError, match="broke"):
        WRITES[name](bench)
    after = rows_of(bench)
    assert after != before
    if name != "follow_order":  # whose repetition changes nothing
        with pytest.raises(ReconciliationError):
            WRITES[name](bench)
        assert rows_of(bench) == after


def test_an_orders_state_never_goes_back(bench: Bench) -> None:
    name, journal = bench.add_order().client_order_id, bench.journal
    filled = OrderProgress("PARTIALLY_FILLED", Decimal("0.2"))
    journal.follow_order(bench.epoch, OrderStep(name, filled, "4711", "seen"), NOW + MINUTE)
    for status, quantity in (("SUBMITTED", "0.2"), ("ACCEPTED", "0.2"), ("PARTIALLY_FILLED", "0.1")):
        late = OrderProgress(status, Decimal(quantity))  # type: ignore[arg-type]
        with pytest.raises(ReconciliationError, match="unknown, or further already"):
            journal.follow_order(bench.epoch, OrderStep(name, late), NOW + MINUTE)
    journal.follow_order(
        bench.epoch, OrderStep(name, OrderProgress("FILLED", Decimal("0.5"))), NOW + 2 * MINUTE
    )
    [order] = journal.read_orders(bench.deployment.id)
    assert order.progress == OrderProgress("FILLED", Decimal("0.5"))
    assert (order.venue_order_id, order.stamp) == ("4711", NOW + 2 * MINUTE)
    assert journal.read_book(bench.deployment.id).open_intents == ()


@pytest.mark.parametrize("ended", UNPROVEN)
def test_an_order_that_was_thought_to_have_ended_arrives_once_with_its_number(
    ended: OrderStatus, bench: Bench
) -> None:
    name, journal = bench.add_order().client_order_id, bench.journal
    rejected, accepted = OrderProgress(ended), OrderProgress("ACCEPTED")
    journal.follow_order(bench.epoch, OrderStep(name, rejected), NOW + MINUTE)
    with pytest.raises(ReconciliationError, match="unknown, or further already"):
        journal.follow_order(bench.epoch, OrderStep(name, accepted), NOW + MINUTE)
    journal.follow_order(bench.epoch, OrderStep(name, accepted, "4711"), NOW + MINUTE)
    [order] = journal.read_orders(bench.deployment.id)
    assert (order.progress, order.venue_order_id) == (accepted, "4711")
    journal.follow_order(bench.epoch, OrderStep(name, rejected), NOW + MINUTE)
    with pytest.raises(ReconciliationError, match="unknown, or further already"):
        journal.follow_order(bench.epoch, OrderStep(name, accepted, "4711"), NOW + MINUTE)


def test_an_order_that_nobody_intended_has_no_state(bench: Bench) -> None:
    with pytest.raises(ReconciliationError, match="unknown"):
        bench.journal.follow_order(bench.epoch, OrderStep("q1-9-x", OrderProgress("ACCEPTED")), NOW)


def test_a_bar_ends_no_order_that_has_ended(bench: Bench) -> None:
    bench.journal.book(bench.epoch, bench.booking(intent=intent()), NOW)
    name = intent().client_order_id
    ended = (OrderState(name, "FILLED", Decimal("0.5")),)
    bench.journal.follow_order(bench.epoch, OrderStep(name, OrderProgress("SUBMITTED")), NOW)
    bench.journal.book(bench.epoch, bench.booking(NOW + MINUTE, orders=ended), NOW)
    late = (OrderState(name, "CANCELED", Decimal("0.5")),)
    with pytest.raises(ReconciliationError, match="further already"):
        bench.journal.book(bench.epoch, bench.booking(NOW + 2 * MINUTE, orders=late), NOW)


def test_a_late_decision_belongs_to_the_newest_bar(bench: Bench) -> None:
    bench.journal.book(bench.epoch, bench.booking(), NOW)
    with pytest.raises(ReconciliationError, match="bars are booked up to"):
        bench.journal.book_decision(bench.epoch, bench.booking(NOW - MINUTE, intent=intent()), NOW)
    bench.journal.book_decision(bench.epoch, bench.booking(intent=intent()), NOW)
    assert bench.journal.read_book(bench.deployment.id).open_intents == (intent(),)


@pytest.mark.parametrize("again", ["fills", "income"])
def test_what_a_venue_booked_is_booked_once_and_whole(bench: Bench, again: str) -> None:
    bench.journal.receive(bench.epoch, [bench.received()], NOW)
    new = {"fills": (replace(FILL, trade_id="18"),), "income": (replace(FUNDING, ts=NOW + MINUTE),)}
    new[again] = (FILL,) if again == "fills" else (FUNDING,)
    with pytest.raises(ReconciliationError, match=r"before|already"):
        bench.journal.receive(bench.epoch, [bench.received(**new)], NOW)
    stored = bench.journal.read_book(bench.deployment.id)
    assert (stored.fills, stored.income) == ((FILL,), (FUNDING,))


def test_a_trade_of_several_books_has_one_row_for_each_part_once(bench: Bench) -> None:
    parts = (FILL, replace(FILL, part=1))
    bench.journal.receive(bench.epoch, [bench.received(fills=parts)], NOW)
    for again in (parts, parts[:1], parts[1:]):
        with pytest.raises(ReconciliationError, match=r"before|already"):
            bench.journal.receive(bench.epoch, [bench.received(fills=again, income=())], NOW)
    assert bench.journal.read_book(bench.deployment.id).fills == parts


def test_what_several_books_receive_is_stored_whole_or_not_at_all(bench: Bench) -> None:
    bench.journal.receive(bench.epoch, [bench.received()], NOW)
    before = rows_of(bench)
    new, old = bench.received(fills=(replace(FILL, trade_id="18"),), income=()), bench.received(income=())
    with pytest.raises(ReconciliationError, match=r"before|already"):
        bench.journal.receive(bench.epoch, [new, old], NOW)
    assert rows_of(bench) == before


def test_an_order_goes_on_with_what_it_received(bench: Bench) -> None:
    name, filled = bench.add_order().client_order_id, OrderProgress("FILLED", Decimal("0.5"))
    received = bench.received(orders=(OrderStep(name, filled, None, "crossed"),))
    bench.journal.receive(bench.epoch, [received], NOW)
    [order] = bench.journal.read_orders(bench.deployment.id)
    assert order.progress == filled
    back = bench.received(fills=(), income=(), orders=(OrderStep(name, OrderProgress("ACCEPTED")),))
    with pytest.raises(ReconciliationError, match="further already"):
        bench.journal.receive(bench.epoch, [back], NOW)


def test_what_an_order_filled_in_another_book_is_read_with_its_own(bench: Bench) -> None:
    name = bench.add_order().client_order_id
    mine, theirs = (replace(FILL, client_order_id=name, part=part) for part in (0, 1))
    other = replace(bench.received(), deployment_id=bench.other, fills=(theirs,), income=())
    bench.journal.receive(bench.epoch, [bench.received(fills=(mine,)), other], NOW)
    assert bench.journal.read_book(bench.deployment.id).elsewhere == {name: FILL.quantity}
    assert bench.journal.read_book(bench.other).elsewhere == {}


def paid(bench: Bench, deployment_id: int, *hours: int) -> list[Income]:
    """Pay a book so many hours after the first one was deployed; returns the payments."""
    begun = bench.deployment.created_at
    rows = [replace(FUNDING, ts=begun + timedelta(hours=hour)) for hour in hours]
    received = replace(bench.received(fills=(), income=tuple(rows)), deployment_id=deployment_id)
    bench.journal.receive(bench.epoch, [received], NOW)
    return rows


def test_what_other_books_of_the_symbol_were_paid_is_read_with_a_book(bench: Bench) -> None:
    [row] = paid(bench, bench.deployment.id, 8)
    assert bench.journal.read_book(bench.other).paid_elsewhere == {(row.kind, row.ts)}
    assert bench.journal.read_book(bench.deployment.id).paid_elsewhere == frozenset()


def test_what_others_were_paid_before_a_book_was_deployed_is_not_read_with_it(bench: Bench) -> None:
    paid(bench, bench.deployment.id, -8)
    assert bench.journal.read_book(bench.other).paid_elsewhere == frozenset()


def test_what_others_were_paid_is_read_as_far_back_as_the_venue_is_asked_again(bench: Bench) -> None:
    """Nobody asks it for what is more than an hour older than the last payment of a book."""
    _, *late = paid(bench, bench.deployment.id, 8, 15, 24)
    paid(bench, bench.other, 16)
    known = {(row.kind, row.ts) for row in late}
    assert bench.journal.read_book(bench.other).paid_elsewhere == known


def test_a_halt_is_committed_with_what_caused_it(bench: Bench) -> None:
    source = bench.deployment.key
    bench.journal.receive(bench.epoch, [bench.received(halt="EXTERNAL liquidation")], NOW)
    assert bench.journal.read_controls().halts == {source: (Trip("failed", "EXTERNAL liquidation"),)}


def test_a_halt_stands_once_for_each_reason(bench: Bench) -> None:
    for message in ("broken", "broken", "broken again"):
        bench.journal.write_alert(Alert("halt", "account", message, NOW))
    assert bench.alerts() == 2 * [("halt", "account", True)]
    assert bench.journal.read_controls().halts == {
        "account": (Trip("failed", "broken"), Trip("failed", "broken again"))
    }
    bench.journal.write_alert(Alert("warning", "account", "broken", NOW))
    bench.journal.write_alert(Alert("warning", "account", "broken", NOW))
    assert bench.alerts()[2:] == 2 * [("warning", "account", True)]


def test_an_outage_is_one_row_with_its_end(bench: Bench) -> None:
    away = {what: Alert("warning", f"{OUTAGE}:{what}", "away", NOW) for what in ("venue", "data")}
    other = Alert("warning", "wait:deployment:7", "late", NOW)
    bench.journal.follow_standing("wait:deployment:7", [other], NOW)
    for found in ([away["venue"]], [away["venue"], away["data"]], [away["data"]]):
        bench.journal.follow_standing(OUTAGE, found, NOW + MINUTE)
    stands = [True, False, True]
    sources = [other.source, away["venue"].source, away["data"].source]
    assert bench.alerts() == [("warning", *row) for row in zip(sources, stands, strict=True)]


def test_limits_are_seeded_once(bench: Bench) -> None:
    bench.journal.seed_limits({"max_leverage": 2.0}, NOW)
    bench.journal.seed_limits({"max_leverage": 5.0, "max_position_fraction": 1.0}, NOW)
    expected = {"account": {"max_leverage": 2.0, "max_position_fraction": 1.0}}
    assert bench.journal.read_controls().limits == expected


def test_what_is_deployed_is_read_with_its_source(bench: Bench) -> None:
    deployment, _ = bench.journal.read_deployments()
    assert deployment == bench.deployment
    assert bench.journal.read_permits(deployment, "this") == Permits()


def test_the_port_is_narrow() -> None:
    methods = [name for name, value in vars(Journal).items() if callable(value) and name[0] != "_"]
    assert 0 < len(methods) <= 15


def test_a_rearmed_account_is_known_with_what_its_books_were_worth(bench: Bench) -> None:
    point = EquityPoint(NOW, 900.0, 0.0, 100.0, 900.0)
    later = EquityPoint(NOW + MINUTE, 800.0, 0.0, 100.0, 800.0)
    bench.journal.book(bench.epoch, bench.booking(equity=(point,)), NOW)
    bench.journal.book(bench.epoch, bench.booking(NOW + MINUTE, equity=(later,)), NOW)
    account = f"account:{bench.deployment.account_id}"
    for trip in (Trip("account_loss", "lost", 1), Trip("rejects", "refused", 1)):
        bench.journal.write_alert(halt_alert(account, trip, NOW))
    assert bench.journal.read_controls().rearmed == ()
    bench.resolve(account, NOW + MINUTE / 2)
    worth = {bench.deployment.id: EquityThen(NOW, 900.0)}
    assert sorted(bench.journal.read_controls().rearmed, key=lambda one: one.event) == [
        Rearmed(account, "account_loss", NOW + MINUTE / 2, worth),
        Rearmed(account, "rejects", NOW + MINUTE / 2, {}),
    ]
    bench.journal.write_alert(halt_alert(account, Trip("account_loss", "again", 2), NOW + MINUTE))
    bench.resolve(account, NOW + 2 * MINUTE)
    newest = {one.event: one for one in bench.journal.read_controls().rearmed}["account_loss"]
    assert (newest.at, newest.equity) == (
        NOW + 2 * MINUTE,
        {bench.deployment.id: EquityThen(NOW + MINUTE, 800.0)},
    )


def test_the_highest_gain_of_an_account_is_that_of_the_last_sign_of_life(bench: Bench) -> None:
    assert bench.journal.read_controls().gains == {}
    accounts = [{"id": 1, "nav": None, "peak_nav": 1_250.0, "capital": 1_000.0}]
    bench.journal.write_heartbeat(Heartbeat("live_runner", "ACTIVE", NOW, {"accounts": accounts}))
    assert bench.journal.read_controls().gains == {1: 250.0}
    bench.journal.write_heartbeat(Heartbeat("live_runner", "ACTIVE", NOW, {}))
    assert bench.journal.read_controls().gains == {}
