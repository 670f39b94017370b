"""Levels that the runner watches: what is done about one of several books, as a table."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.trading.cover import Action, AskedFor, ExitPosition, Holding, Wait
from quant_pipelines.trading.levels import WantedLevel
from quant_pipelines.trading.tries import Pace, Tries
from quant_pipelines.trading.watch import FarthestLevel, WatchedLevels, net_level, watched_action

NOW = 1_000.0
STOP, GOAL = WantedLevel("sell", Decimal(95), "hard_stop"), WantedLevel("sell", Decimal(110), "take_profit")
LONG = Holding(Decimal(2), STOP, GOAL)
SHORT = Holding(
    Decimal(-2),
    WantedLevel("buy", Decimal(105), "trailing_stop"),
    WantedLevel("buy", Decimal(90), "take_profit"),
)


def stopped(held: Holding, reason: str) -> ExitPosition:
    return ExitPosition("exit", held.position, reason, "stop fired")


TABLE: dict[str, tuple[Holding, AskedFor, float, Action]] = {
    "nothing reached": (LONG, AskedFor(), 100.0, Wait("covered")),
    "stop reached": (LONG, AskedFor(), 95.0, stopped(LONG, "hard_stop")),
    "stop gapped": (LONG, AskedFor(), 80.0, stopped(LONG, "hard_stop")),
    "goal reached": (LONG, AskedFor(), 110.0, stopped(LONG, "take_profit")),
    "short stop reached": (SHORT, AskedFor(), 105.0, stopped(SHORT, "trailing_stop")),
    "short goal reached": (SHORT, AskedFor(), 89.0, stopped(SHORT, "take_profit")),
    "no price": (LONG, AskedFor(), math.nan, Wait("covered")),
    "exit works": (LONG, AskedFor(is_closing=True), 80.0, Wait("closing")),
    "net stop triggered": (LONG, AskedFor(triggered_ago_ms=100), 80.0, Wait("triggering")),
    "operator": (
        LONG,
        AskedFor(must_flatten=True, triggered_ago_ms=100),
        100.0,
        ExitPosition("close", Decimal(2), None, "operator"),
    ),
    "fired at close": (
        LONG._replace(leaves_by="time_stop"),
        AskedFor(),
        100.0,
        stopped(LONG, "time_stop"),
    ),
    "flat": (Holding(Decimal(0)), AskedFor(must_flatten=True), 80.0, Wait("flat")),
}


@pytest.mark.parametrize("name", TABLE)
def test_what_is_done_about_one_of_several_books(name: str) -> None:
    held, asked, price, expected = TABLE[name]
    assert watched_action(held, asked, Tries(), prices=[price], now=NOW) == expected


def test_an_exit_that_came_to_nothing_is_tried_again_later() -> None:
    tried = Tries(Pace().tried(NOW))
    early, late = (watched_action(LONG, AskedFor(), tried, prices=[90.0], now=NOW + s) for s in (1.9, 2.0))
    assert (early, late) == (Wait("not due yet"), stopped(LONG, "hard_stop"))


def test_the_close_of_a_bar_counts_beside_the_last_price() -> None:
    assert WatchedLevels(STOP, GOAL).reached([100.0, 94.0]) == "hard_stop"
    assert WatchedLevels(None, None).reached([100.0]) == ""


@given(
    st.lists(st.tuples(st.integers(-9, 9), st.floats(50, 200)), min_size=1, max_size=5),
)
def test_the_stop_over_the_net_is_no_nearer_than_any_book_of_its_side(
    books: list[tuple[int, float]],
) -> None:
    levels = [FarthestLevel(Decimal(held), price) for held, price in books]
    net = sum((held for held, _ in levels), Decimal(0))
    level = net_level(net, levels, Decimal("0.01"))
    mine = [price for held, price in levels if held * net > 0]
    assert (level is None) is (net == 0)
    if level is not None:
        assert level.side == ("sell" if net > 0 else "buy")
        at = float(level.trigger_price)
        assert abs(at - (min(mine) if net > 0 else max(mine))) <= 0.0101
