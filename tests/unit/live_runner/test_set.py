"""A set on paper: as its backtest, whole or not at all, whatever happens to one leg or to the writer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest

from live_runner.book.account import AccountBooks
from live_runner.book.leg import LegTrader
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.portfolio import AllIn
from quant_pipelines.risk import RiskLimits
from quant_pipelines.risk.account_rules import AccountDenial
from quant_pipelines.risk.account_view import NO_PRICES, AccountOrder
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.trading import Bracket, Execution, TradingRules
from quant_pipelines.trading.breaker import Event, Trip
from tests.unit.live_runner.set_world import WARM, Died, SetWorld

A, B, C = "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"
FREE = TradingRules(limits=RiskLimits(100.0, 100.0, 1.0, 90.0))
RECKLESS = TradingRules(limits=RiskLimits(1e9, 1e9, 1.0, 90.0), sizing=AllIn(150.0))
MARGIN = replace(FREE, execution=Execution(brackets=(Bracket(0.0, 0.01),)), sizing=AllIn(3.0))


@pytest.mark.parametrize(
    "world",
    [
        lambda: SetWorld((A, B), FREE, 150),
        lambda: SetWorld((A, B), FREE, 150, {B: (60, 61, 75, 100), A: (61, 90)}),
        lambda: SetWorld((A, B, C), FREE, 120, {C: (31, 32, 80)}),
        lambda: SetWorld((A, B), MARGIN, 150),
    ],
    ids=["pair", "pair_with_holes", "three", "shared_margin"],
)
def test_the_equity_is_that_of_the_backtest_to_the_bit(world: Callable[[], SetWorld]) -> None:
    played = world()
    played.play()
    expected = played.backtest()
    assert expected.bar_equity is not None
    assert played.values() == expected.bar_equity.tolist()
    assert len(played.journal.tables.fills) > 10


@pytest.mark.parametrize("missing", [{}, {B: (36, 37)}], ids=["whole", "with_holes"])
def test_a_set_of_which_nothing_is_left_ends_as_in_the_backtest(missing: dict[str, tuple[int, ...]]) -> None:
    world = SetWorld((A, B), RECKLESS, 80, missing, 0.01, hard_stop=0.5)
    world.play()
    expected = world.backtest()
    assert expected.bar_equity is not None
    assert world.values() == expected.bar_equity.tolist()
    assert world.values()[-1] == 0.0 < world.values()[5]
    fills = [fill.reason for _, fill in world.journal.tables.fills.values()]
    assert "bankruptcy" in fills
    assert {leg.status()["position"] for leg in world.legs} == {0}
    world.open(world.start_ms + 80 * 60_000)  # its rows agree with its checkpoints
    assert [float(leg.worth().equity) for leg in world.legs] == [0.0, 0.0]


def test_bars_that_were_missed_are_booked_row_by_row_and_decided_on_once() -> None:
    at_once, one_by_one = SetWorld((A, B), FREE, 100), SetWorld((A, B), FREE, 100)
    one_by_one.play()
    at_once.play(end=60)
    at_once.play(first=99)
    assert len(at_once.values()) == len(one_by_one.values())
    closes = {close for _, close in at_once.journal.tables.signals}
    assert len(closes) == 60 - WARM + 1


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("nth", range(8, 60, 7))
def test_a_writer_that_dies_at_any_commit_leaves_the_legs_together(
    nth: int, moment: Literal["before", "after"]
) -> None:
    whole, mortal = SetWorld((A, B), FREE, 70), SetWorld((A, B), FREE, 70)
    whole.play()
    mortal.journal.dies = (nth, moment)
    with pytest.raises(Died):
        mortal.play()
    ends = {close for close, _ in mortal.journal.tables.checkpoints.values()}
    assert len(ends) == 1
    number = round((ends.pop().timestamp() * 1000 - mortal.start_ms) / 60_000)
    mortal.open(mortal.start_ms + number * 60_000)
    mortal.play(first=number)
    assert mortal.books() == whole.books()


@pytest.mark.parametrize("event", ["repeated_execution", "frozen", "failed"])
def test_a_trip_of_one_leg_stops_the_entries_of_the_other(event: Event) -> None:
    world = SetWorld((A, B), FREE, 120)
    world.legs[0].trip(Trip(event, "it happened"))
    world.play()
    opened = [fill for key, fill in world.journal.tables.fills.values() if key == world.legs[1].id]
    assert opened == []
    assert world.legs[1].breaker.reduced_by == f"leg {A}: it happened"


def is_held_and_nothing_ordered(world: SetWorld, leg: LegTrader) -> bool:
    stored = world.journal.read_book(leg.id)
    return bool(leg.status()["position"]) and not stored.open_intents


def test_a_leg_that_is_closed_takes_the_other_with_it() -> None:
    world = SetWorld((A, B), FREE, 150)
    number = WARM
    while not all(is_held_and_nothing_ordered(world, leg) for leg in world.legs):
        world.play(number, number + 1)
        number += 1
    world.legs[0].trip(Trip("delisting", "it is delisted"))
    world.play(number, number + 2)
    assert [leg.status()["position"] for leg in world.legs] == [0, 0]
    last = [fill for key, fill in world.journal.tables.fills.values() if key == world.legs[1].id][-1]
    assert last.reason == "leg_gone"


def test_with_a_leg_that_was_liquidated_the_other_is_closed_and_not_entered_before_its_target_turns() -> None:
    rules = replace(
        FREE, execution=Execution(brackets=(Bracket(0.0, 0.05),), leverage=10.0), sizing=AllIn(2.0)
    )
    world = SetWorld((A, B), rules, 200, volatility=0.012, hard_stop=0.5)
    alone = 0
    for number in range(WARM, 200):
        gone = [leg.own_state.lost == "liquidated" for leg in world.legs]
        sides = [side_of(world, leg) for leg in world.legs]
        world.play(number, number + 1)
        if sum(gone) == 1 and side_of(world, world.legs[gone.index(True)]) == sides[gone.index(True)]:
            alone += 1
            assert world.legs[gone.index(False)].status()["position"] == 0
    assert alone > 0


def side_of(world: SetWorld, leg: LegTrader) -> float:
    """Side of the target that a leg has acted upon, as its rows say."""
    signal = world.journal.read_book(leg.id).last_signal
    return float(signal.decision["target_side"]) if signal else 0.0


def test_nothing_is_decided_before_every_leg_has_its_bars() -> None:
    world = SetWorld((A, B), FREE, 60)
    world.whole.remove(world.legs[1])
    world.play(end=50)
    assert world.journal.tables.signals == {}
    [waiting] = [one.alert.message for one in world.journal.tables.alerts]
    assert "1 of the 2 legs of its set are traded" in waiting


class Thinking(SetWorld):
    """A pair; something happens whenever its strategy is asked from the sixtieth bar on."""

    def __init__(self, happens: Callable[["Thinking"], Any]) -> None:
        self.happens, self.n_asked = happens, 0
        super().__init__((A, B), FREE, 62)

    def load(self, name: str, source: str) -> type[Strategy]:
        told = super().load(name, source)

        def target(strategy: Any, bars: Any) -> Any:
            if len(bars) > 60:
                self.n_asked += 1
                assert self.n_asked < 5, "it is asked again and again"
                self.happens(self)
            return told.target(strategy, bars)

        return type(told.__name__, (told,), {"target": target})


def rows_of(world: SetWorld, leg: LegTrader) -> Any:
    return world.journal.read_book(leg.id), world.journal.read_orders(leg.id)


@pytest.mark.parametrize("gone", [0, 1])
def test_of_a_leg_that_is_dropped_while_the_strategy_thinks_nothing_is_committed_nor_decided_for_the_others(
    gone: int,
) -> None:
    world = Thinking(lambda world: world.legs[gone].leave())
    world.play(end=60)
    left, other = world.legs[gone], world.legs[1 - gone]
    before, decided = rows_of(world, left), len(world.journal.tables.signals)
    world.play(60, 61)
    assert rows_of(world, left) == before
    assert other.booked_until_ms == world.start_ms + 61 * 60_000
    assert len(world.journal.tables.signals) == decided


@pytest.mark.parametrize("gone", [0, 1])
def test_a_strategy_that_fails_while_one_of_its_legs_is_dropped_fails_nobody(gone: int) -> None:
    def dies(world: Thinking) -> None:
        world.legs[gone].leave()
        raise StrategyError("its process has ended")

    world = Thinking(dies)
    world.play(end=61)
    assert world.legs[1 - gone].booked_until_ms == world.start_ms + 61 * 60_000
    assert world.n_asked == 1


class Denying(AccountBooks):
    """Denies each order in one symbol."""

    def ask(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        if order.symbol == B:
            return AccountDenial("repeated_execution", "reduce", "as the test has it")
        return super().ask(order, is_reducing=is_reducing)


class Denied(SetWorld):
    """A pair whose second leg is denied whatever adds."""

    def account(self, clock: Clock) -> AccountBooks:
        return Denying(lambda _symbol: NO_PRICES, clock)


def test_a_leg_whose_sibling_executes_the_same_again_and_again_is_held_back_and_not_tripped_itself() -> None:
    world = Denied((A, B), FREE, 60)
    world.play()
    assert world.journal.tables.fills == {}
    halted = {one.alert.source for one in world.journal.tables.alerts if one.alert.severity == "halt"}
    assert halted == {world.legs[1].key}
    assert world.legs[0].own_state.breaker.events == set()
    assert world.legs[0].breaker.events >= {"leg_stopped"}


def test_legs_on_margin_that_is_shared_wait_for_each_other_and_book_what_they_have_missed_together() -> None:
    apart, together = SetWorld((A, B), MARGIN, 100), SetWorld((A, B), MARGIN, 100)
    for world in (apart, together):
        world.play(end=60)
    absent = apart.legs[1]
    apart.whole.remove(absent)
    apart.legs.remove(absent)
    apart.play(60, 65)
    assert apart.legs[0].booked_until_ms == apart.start_ms + 60 * 60_000
    apart.whole.add(absent)
    apart.legs.append(absent)
    for world in (apart, together):
        world.play(first=65)
    assert apart.books() == together.books()


def test_a_leg_on_margin_that_is_shared_is_closed_though_the_other_is_gone_for_good() -> None:
    world = SetWorld((A, B), MARGIN, 150)
    number = WARM
    while not is_held_and_nothing_ordered(world, world.legs[0]):
        world.play(number, number + 1)
        number += 1
    world.whole.remove(world.legs.pop())
    world.legs[0].is_leaving = True
    world.play(number, number + 2)
    assert world.legs[0].status()["position"] == 0


def test_legs_that_a_person_closes_are_not_closed_for_each_other() -> None:
    world = SetWorld((A, B), FREE, 150)
    number = WARM
    while not all(is_held_and_nothing_ordered(world, leg) for leg in world.legs):
        world.play(number, number + 1)
        number += 1
    n_before = len(world.journal.tables.fills)
    for leg in world.legs:
        leg.follow([Trip("flattened", "flattened by ann")])
    world.play(number, number + 2)
    assert [leg.status()["position"] for leg in world.legs] == [0, 0]
    assert {fill.reason for _, fill in list(world.journal.tables.fills.values())[n_before:]} == {"target"}
