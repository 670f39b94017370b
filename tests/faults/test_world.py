"""Seeded worlds: nothing is violated, one seed is one world in every process, and the examiner sees."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from multidict import MultiDict

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.exchange.ccxt_reads import SOON_SECONDS
from quant_pipelines.store.heartbeats import halt_alert
from quant_pipelines.store.trading import Position
from quant_pipelines.trading.breaker import Trip
from quant_pipelines.trading.orders import OrderProgress
from tests.faults.decisions import DecisionRules
from tests.faults.deployments import resting_at
from tests.faults.examiner import Examiner
from tests.faults.loop import run_virtually
from tests.faults.requests import Asked
from tests.faults.sending import SendingRules
from tests.faults.world import World, play, played
from tests.memory_journal import Committed, StandingAlert, Tables

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_world_without_faults_trades_and_violates_nothing(seed: int) -> None:
    with played(seed, is_faulty=False) as world:
        assert world.found == {}
        assert len(world.journal.tables.fills) > 3
        assert world.n_events >= 200


@pytest.mark.parametrize("seed", [391, 599])
def test_a_refused_stamp_and_a_ban_that_is_over_keep_nobody_from_the_venue(seed: int) -> None:
    assert play(seed).violations == {}


def test_a_read_that_breaks_and_then_gets_no_answer_keeps_no_exit_waiting() -> None:
    assert play(491).violations == {}


@pytest.mark.parametrize("seed", [1, 3, 8, 1301, 1330])
def test_two_books_at_one_symbol_violate_nothing(seed: int) -> None:
    assert play(seed, n_books=2).violations == {}


@pytest.mark.parametrize("seed", [1182, 1197])
def test_three_books_at_one_symbol_violate_nothing(seed: int) -> None:
    assert play(seed, n_books=3).violations == {}


@pytest.mark.parametrize("seed", [3, 14, 267, 1060])
def test_orders_of_a_strategy_that_rest_violate_nothing(seed: int) -> None:
    assert play(seed, deploy=resting_at).violations == {}


def test_orders_that_rest_are_filled_in_a_world_without_faults() -> None:
    with played(1, 400, is_faulty=False, deploy=resting_at) as world:
        assert world.found == {}
        reasons = {fill.reason for _, fill in world.journal.tables.fills.values()}
        assert {"limit_order", "target"} <= reasons


def test_what_two_books_cross_is_seen_apart_from_the_venues_fills() -> None:
    with played(1, n_events=120, is_faulty=False, n_books=2) as world:
        examiner, journal = world.examiner, world.journal
        assert examiner.found == {}
        kept, journal.tables = journal.tables, journal.tables.copied()
        key = next(key for key in kept.fills if key[2].startswith("internal-"))
        whose, fill = journal.tables.fills[key]
        journal.tables.fills[key] = (whose, replace(fill, price=fill.price + 1))
        examiner.look()
        found, journal.tables = examiner.found, kept
    assert [violation.invariant for violation in found] == ["I2"]


def test_a_seed_is_the_same_world_in_every_process_and_another_one_is_not(tmp_path: Path) -> None:
    first = told(11, PYTHONHASHSEED="1", TZ="UTC", PYTHONPATH=str(ROOT))
    again = told(11, folder=tmp_path, PYTHONHASHSEED="77", TZ="Asia/Tokyo", PYTHONPATH=str(ROOT))
    other = told(12, PYTHONHASHSEED="1", TZ="UTC", PYTHONPATH=str(ROOT))
    assert first == again
    assert first["hash"] != other["hash"]


def told(seed: int, folder: Path = ROOT, **environment: str) -> dict[str, object]:
    """Last line of the suite in a process of its own."""
    command = [sys.executable, "-m", "tests.faults", "--seeds", "1", "--first", str(seed), "--events", "80"]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    document: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return document


def without_an_intent(tables: Tables) -> None:
    tables.orders.pop(next(iter(tables.orders)))


def without_a_fill(tables: Tables) -> None:
    tables.fills.pop(next(iter(tables.fills)))


def with_another_price(tables: Tables) -> None:
    key, (whose, fill) = next(iter(tables.fills.items()))
    tables.fills[key] = whose, replace(fill, price=fill.price + Decimal("0.1"))


def with_another_position(tables: Tables) -> None:
    key, position = next(iter(tables.positions.items()))
    tables.positions[key] = replace(position, quantity=position.quantity + 1)


def with_an_order_reopened(tables: Tables) -> None:
    name = next(name for name, order in tables.orders.items() if order.progress.status == "FILLED")
    tables.log.append(Committed("orders", (name,), (OrderProgress("ACCEPTED"), None, "")))


def with_an_order_that_goes_on(tables: Tables) -> None:
    name, order = next(one for one in tables.orders.items() if one[1].progress.status == "FILLED")
    tables.orders[name] = replace(order, progress=OrderProgress("UNKNOWN"))


def without_a_bar_for_minutes(tables: Tables) -> None:
    key, (bar_close, state) = next(iter(tables.checkpoints.items()))
    tables.checkpoints[key] = bar_close - timedelta(minutes=3), state


def with_another_target(tables: Tables) -> None:
    key, signal = next(iter(tables.signals.items()))
    tables.signals[key] = replace(signal, target=signal.target / 2)


def with_another_decision(tables: Tables) -> None:
    key, signal = next(one for one in tables.signals.items() if one[1].decision["order_quantity"])
    decision = signal.decision | {"order_quantity": signal.decision["order_quantity"] / 2}
    tables.signals[key] = replace(signal, decision=decision)


def without_a_decision(tables: Tables) -> None:
    tables.signals.pop(next(key for key, one in tables.signals.items() if one.decision["order_quantity"]))


def with_an_order_forgotten(tables: Tables) -> None:
    name, order = next(one for one in tables.orders.items() if one[1].progress.status == "FILLED")
    tables.orders[name] = replace(order, progress=OrderProgress("REJECTED"))


def with_a_filled_order_expired(tables: Tables) -> None:
    name, order = next(one for one in tables.orders.items() if one[1].progress.status == "FILLED")
    expired = OrderProgress("EXPIRED")
    tables.orders[name] = replace(order, progress=expired, venue_order_id=None)


@pytest.mark.parametrize(
    ("tamper", "invariant"),
    [
        (without_an_intent, "I1"),
        (without_a_fill, "I2"),
        (with_another_price, "I2"),
        (with_another_position, "I3"),
        (with_an_order_reopened, "I7"),
        (with_an_order_forgotten, "I7"),
        (with_a_filled_order_expired, "I7"),
        (with_an_order_that_goes_on, "I10"),
        (without_a_bar_for_minutes, "I10"),
        (with_another_target, "I11"),
        (with_another_decision, "I11"),
        (without_a_decision, "I11"),
    ],
)
def test_the_examiner_sees_rows_that_are_wrong(
    tamper: Callable[[Tables], None], invariant: str, quiet: World
) -> None:
    kept = quiet.journal.tables
    quiet.journal.tables = kept.copied()
    tamper(quiet.journal.tables)
    examiner, decisions = (
        Examiner(quiet.evidence),
        DecisionRules(quiet.evidence, quiet.market, quiet.deployment),
    )
    examiner.look_at_rest()
    decisions.look_at_rest()
    quiet.journal.tables = kept
    assert invariant in {violation.invariant for violation in examiner.found | decisions.found}


def test_the_examiner_sees_a_position_without_a_stop(quiet: World) -> None:
    now = [0]
    evidence = replace(quiet.evidence, now_ms=lambda: now[0], is_hindered=lambda: False)
    kept, evidence.ledger.algos = evidence.ledger.algos, {}
    examiner = Examiner(evidence)
    examiner.look()
    now[0] = 3_501
    examiner.look()
    evidence.ledger.algos = kept
    assert [violation.invariant for violation in examiner.found] == ["I6"]


@pytest.mark.parametrize(("path", "seconds"), [("order", SOON_SECONDS), ("algoOrder", 0.0)])
def test_only_the_lost_answer_to_an_order_excuses_and_only_for_as_long_as_it_is_waited_for(
    path: str, seconds: float, quiet: World
) -> None:
    network = replace(quiet.network, silent_until=0.0)
    asked = Asked("POST", "", f"/fapi/v1/{path}", {}, MultiDict(), "")
    run_virtually(network.keep_waiting(asked), random.Random(1))
    assert network.silent_until == seconds


def first_of(tables: Tables) -> str:
    """Name of the order that opened the first position."""
    return next(name for name, order in tables.orders.items() if order.intent.purpose == "target")


def as_it_was(tables: Tables) -> None: ...


def without_its_intent(tables: Tables) -> None:
    tables.orders.pop(first_of(tables))


def far_too_large(tables: Tables) -> None:
    order = tables.orders[first_of(tables)]
    tables.orders[first_of(tables)] = replace(order, intent=replace(order.intent, quantity=Decimal(9)))


def beside_an_unknown_one(tables: Tables) -> None:
    order = tables.orders[first_of(tables)]
    intent = replace(order.intent, client_order_id="q1-7-0-t")
    tables.orders["q1-7-0-t"] = replace(order, intent=intent, progress=OrderProgress("UNKNOWN"))


def in_a_halt(tables: Tables, source: str = "deployment:7") -> None:
    alert = halt_alert(source, Trip("failed", "it failed"), from_ms(0))
    tables.alerts = [*tables.alerts, StandingAlert(alert)]


def in_a_halt_of_the_account(tables: Tables) -> None:
    in_a_halt(tables, "account:1")


def in_a_halt_of_another_book(tables: Tables) -> None:
    in_a_halt(tables, "deployment:8")


def with_books_that_differ(tables: Tables) -> None:
    tables.positions = {("?", "?"): Position(Decimal("0.001"), Decimal(0), Decimal(0), None)}


def of_a_writer_before(tables: Tables) -> None:
    tables.epochs = [*tables.epochs, "world:2"]


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (as_it_was, set()),
        (without_its_intent, {"I1"}),
        (far_too_large, {"I4"}),
        (beside_an_unknown_one, {"I4"}),
        (in_a_halt, {"I8"}),
        (in_a_halt_of_the_account, {"I8"}),
        (in_a_halt_of_another_book, set()),
        (with_books_that_differ, {"I8"}),
        (of_a_writer_before, {"I9"}),
    ],
)
def test_the_examiner_sees_an_order_that_may_not_be_sent(
    tamper: Callable[[Tables], None], found: set[str], quiet: World
) -> None:
    """The first order of a world that is flat, sent 20 s after everything else was as it is."""
    journal, ledger, now = quiet.journal, quiet.ledger, [0]
    kept, held = journal.tables, ledger.positions
    journal.tables, ledger.positions = kept.copied(), {}
    journal.tables.positions = {}
    name = first_of(journal.tables)
    tamper(journal.tables)
    rules = SendingRules(replace(quiet.evidence, now_ms=lambda: now[0], silent_seconds=lambda: 0.0))
    rules.look()
    now[0] = 20_000
    rules.look_at_order(Asked("POST", "", "/fapi/v1/order", {}, MultiDict(), f"newClientOrderId={name}"))
    journal.tables, ledger.positions = kept, held
    assert {violation.invariant for violation in rules.found} == found


def test_the_examiner_sees_an_order_that_is_sent_on_old_data(quiet: World) -> None:
    held, quiet.ledger.positions = quiet.ledger.positions, {}
    rules = SendingRules(replace(quiet.evidence, now_ms=lambda: 0, silent_seconds=lambda: 100.0))
    name = first_of(quiet.journal.tables)
    rules.look_at_order(Asked("POST", "", "/fapi/v1/order", {}, MultiDict(), f"newClientOrderId={name}"))
    quiet.ledger.positions = held
    assert [violation.invariant for violation in rules.found] == ["I8"]


@pytest.fixture(scope="module")
def quiet() -> Iterator[World]:
    """A world that has ended well, with its books open."""
    with played(5, n_events=60, is_faulty=False) as world:
        assert world.found == {}
        yield world
