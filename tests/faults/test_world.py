"""Seeded worlds: nothing is violated, one seed is one world in every process, and the examiner sees."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from quant_pipelines.trading.orders import OrderProgress
from tests.faults.world import World, play, played
from tests.memory_journal import Committed, Tables

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_world_without_faults_trades_and_violates_nothing(seed: int) -> None:
    with played(seed, is_faulty=False) as world:
        assert world.examiner.found == {}
        assert len(world.journal.tables.fills) > 3
        assert world.n_events >= 200


@pytest.mark.parametrize("seed", [1, 2, 7])
def test_a_world_with_faults_violates_nothing(seed: int) -> None:
    outcome = play(seed)
    assert outcome.faults.total() > 5
    assert outcome.violations == {}


@pytest.mark.parametrize("seed", [4, 11])
def test_a_read_that_fails_behind_a_fill_leaves_no_position_without_a_stop(seed: int) -> None:
    assert play(seed).violations == {}


@pytest.mark.parametrize("seed", [1, 3, 8])
def test_two_books_at_one_symbol_violate_nothing(seed: int) -> None:
    assert play(seed, n_books=2).violations == {}


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


def with_an_order_forgotten(tables: Tables) -> None:
    name, order = next(one for one in tables.orders.items() if one[1].progress.status == "FILLED")
    tables.orders[name] = replace(order, progress=OrderProgress("REJECTED"))


@pytest.mark.parametrize(
    ("tamper", "invariant"),
    [
        (without_an_intent, "I1"),
        (without_a_fill, "I2"),
        (with_another_price, "I2"),
        (with_another_position, "I3"),
        (with_an_order_reopened, "I7"),
        (with_an_order_forgotten, "I7"),
    ],
)
def test_the_examiner_sees_rows_that_are_wrong(
    tamper: Callable[[Tables], None], invariant: str, quiet: World
) -> None:
    examiner, journal = quiet.examiner, quiet.journal
    kept = journal.tables
    journal.tables = kept.copied()
    tamper(journal.tables)
    examiner.look_at_rest()
    found, journal.tables = examiner.found, kept
    examiner.forget()
    assert invariant in {violation.invariant for violation in found}


def test_the_examiner_sees_a_position_without_a_stop(quiet: World) -> None:
    examiner, now_ms = quiet.examiner, quiet.examiner.now_ms()
    quiet.ledger.algos.clear()
    for at_ms in (now_ms, now_ms + 3_501):
        examiner.now_ms = lambda at_ms=at_ms: at_ms
        examiner.look()
    assert [violation.invariant for violation in examiner.found] == ["I6"]


@pytest.fixture(scope="module")
def quiet() -> Iterator[World]:
    """A world that has ended well, with its books open."""
    with played(5, n_events=60, is_faulty=False) as world:
        assert world.examiner.found == {}
        yield world
