"""A set at the venue: whole or not at all, whatever is refused, closed or killed; and its examiners see."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from quant_pipelines.simulator.venue.records import IncomeRecord
from quant_pipelines.store.trading import Fill
from tests.faults.boundaries import Died
from tests.faults.deployments import pair_at
from tests.faults.moments import _close
from tests.faults.world import World, played

pytestmark = pytest.mark.usefixtures("quietly")

FIRST, SECOND = 7, 8
N_EVENTS = 300
"""Some minutes of two symbols: it is entered, resized, turned and closed."""


@pytest.fixture(scope="module")
def quiet() -> Iterator[World]:
    with played(1, N_EVENTS, is_faulty=False, deploy=pair_at) as world:
        yield world


def fills_of(world: World, leg: int) -> list[Fill]:
    return [fill for key, fill in world.journal.tables.fills.values() if key == leg]


def test_a_set_trades_at_the_venue_and_violates_nothing(quiet: World) -> None:
    assert quiet.found == {}
    for leg in (FIRST, SECOND):
        assert len({fill.ts.minute for fill in fills_of(quiet, leg)}) >= 3


def test_the_money_of_all_legs_is_the_venues_to_the_last_digit(quiet: World) -> None:
    tables, ledger = quiet.journal.tables, quiet.ledger
    fills, paid = (fill for _, fill in tables.fills.values()), (row.amount for row in tables.income.values())
    ours = sum(((one.realized_pnl or Decimal(0)) - one.fee for one in fills), Decimal(0)) + sum(paid)
    rows = [row.amount for row in ledger.store.select(IncomeRecord) if row.kind != "TRANSFER"]
    assert ours == sum(rows, Decimal(0)) != 0
    for leg, name in ((FIRST, "BTCUSDT"), (SECOND, "ETHUSDT")):
        held = sum((fill.signed_quantity for fill in fills_of(quiet, leg)), Decimal(0))
        assert held == ledger.position(name).quantity


def test_all_legs_of_a_decision_are_committed_before_any_order_of_it_is_sent(quiet: World) -> None:
    log = quiet.journal.tables.log
    names = {
        name: close for (_, close, purpose), name in quiet.journal.tables.slots.items() if purpose == "target"
    }
    begun: dict[Any, int] = {}
    for number, row in enumerate(log):
        if row.table == "orders" and row.key[0] in names and row.row[0].status != "INITIALIZED":
            begun.setdefault(names[row.key[0]], number)
    signals = [(row.key[1], number) for number, row in enumerate(log) if row.table == "signals"]
    assert len(begun) >= 3
    for close, first in begun.items():
        decided = [number for at, number in signals if at == close]
        assert len(decided) == 2
        assert max(decided) < first


def refuses_the_second(world: World) -> None:
    world.venue.halted.add("ETHUSDT")


def test_with_a_leg_that_is_refused_the_other_is_closed_at_once_and_not_entered_before_its_target_turns() -> (
    None
):
    with played(1, N_EVENTS, is_faulty=False, deploy=pair_at, prepare=refuses_the_second) as world:
        assert {what.invariant for what in world.found} <= {"I10"}  # the venue halts it to the end
        assert fills_of(world, SECOND) == []
        fills = fills_of(world, FIRST)
        closed = [fill for fill in fills if fill.reason == "leg_lost"]
        assert closed
        for entered, left in pairwise(fills):
            if left in closed:
                assert (left.ts - entered.ts).total_seconds() < 5.0
        told = [one.alert.message for one in world.journal.tables.alerts]
        assert any("leg_lost: leg ETH/USDT:USDT: the venue has not filled its order" in one for one in told)
        sides = [one.target for (key, _), one in sorted(world.journal.tables.signals.items()) if key == FIRST]
        turns = sum(a * b <= 0.0 and b != 0.0 for a, b in pairwise([0.0, *sides]))
        assert len(closed) <= turns + 1


def after_entry(act: Callable[[World], Any]) -> Callable[[World], None]:
    """Let something happen a little while after both legs hold something for the first time."""

    def prepare(world: World) -> None:
        async def watch() -> None:
            while not all(world.ledger.position(name).quantity for name in ("BTCUSDT", "ETHUSDT")):  # noqa: ASYNC110
                await asyncio.sleep(0.25)
            await asyncio.sleep(10.0)
            happened = act(world)
            if happened is not None:
                await happened

        let = world._let_things_happen

        async def with_that() -> None:
            await asyncio.gather(let(), watch())

        world._let_things_happen = with_that  # type: ignore[method-assign] - of this world alone

    return prepare


@pytest.mark.parametrize(
    ("prefix", "share", "cause"),
    [
        ("adl_autoclose", "0.3", "the venue has closed of it for others (ADL)"),
        ("autoclose-", "1", "it was liquidated"),
    ],
)
def test_with_a_leg_that_the_venue_closes_the_whole_set_is_closed(
    prefix: str, share: str, cause: str
) -> None:
    act = after_entry(lambda world: _close(world, prefix, Decimal(share)))
    with played(1, 300, is_faulty=False, deploy=pair_at, prepare=act) as world:
        assert world.found == {}
        told = [one.alert.message for one in world.journal.tables.alerts]
        assert any(f"leg_lost: leg BTC/USDT:USDT: {cause}" in one for one in told)
        (at,) = [fill.ts for fill in fills_of(world, FIRST) if fill.client_order_id is None]
        closes = [fill for fill in fills_of(world, SECOND) if fill.reason == "leg_lost"]
        assert closes
        assert 0.0 <= (closes[0].ts - at).total_seconds() < 8.0


@pytest.mark.parametrize(("n_behind", "moment"), [(1, "after"), (2, "after"), (3, "before"), (6, "after")])
def test_a_kill_in_the_middle_of_a_sets_orders_leaves_it_whole(n_behind: int, moment: str) -> None:
    """Killed around each of the commits behind the first decision that orders something."""
    killed = list[int]()

    def prepare(world: World) -> None:
        n_since = 0

        def at_commit(now: str) -> None:
            nonlocal n_since
            if not world.journal.tables.slots or killed:
                return
            n_since += now == "before"
            if (n_since, now) == (n_behind, moment):
                killed.append(n_since)
                world.supervisors[0]._life.is_over = True
                asyncio.get_running_loop().create_task(world.supervisors[0].kill())
                raise Died

        world.journal.at_commit = at_commit

    with played(1, 300, is_faulty=False, deploy=pair_at, prepare=prepare) as world:
        assert killed
        assert world.supervisors[0].n_lives == 2
        assert world.found == {}


@pytest.mark.parametrize("seed", [3, 8])
def test_worlds_with_faults_violate_nothing(seed: int) -> None:
    with played(seed, 400, deploy=pair_at) as world:
        assert world.found == {}


def test_a_leg_that_is_left_alone_is_seen(quiet: World) -> None:
    rules = quiet.examiners[0]
    position = quiet.ledger.positions.get("ETHUSDT")
    assert position is not None
    hedge = replace(position, quantity=Decimal(0))
    kept = dict(quiet.ledger.positions)
    quiet.ledger.positions["BTCUSDT"] = replace(kept["BTCUSDT"], quantity=Decimal("0.01"))
    quiet.ledger.positions["ETHUSDT"] = hedge
    try:
        rules.look()
        quiet._now_ms += 21_000
        rules.look()
        assert {what.invariant for what in rules.found} == {"I12"}
    finally:
        quiet._now_ms -= 21_000
        rules.found.clear()
        quiet.ledger.positions.update(kept)


def test_a_leg_that_decides_alone_is_seen(quiet: World) -> None:
    tables, rules = quiet.journal.tables, quiet.examiners[0]
    close = next(close for (_, close, purpose) in tables.slots if purpose == "target")
    signal = tables.signals.pop((SECOND, close))
    log = list(tables.log)
    try:
        rules._n_log = 0  # type: ignore[attr-defined] - read again
        rules.look()
        assert {what.invariant for what in rules.found} == {"I12"}
    finally:
        tables.signals[SECOND, close] = signal
        tables.log[:] = log
        rules.found.clear()
