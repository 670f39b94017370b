"""Stops at a venue: those of the paper book that is fed the same bars, and never a naked moment."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.core.errors import ExchangeRefused
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import MINUTE_MS, floor_ms, from_ms, to_ms
from quant_pipelines.operations.explain import explain_order
from quant_pipelines.trading.levels import wanted_level
from quant_pipelines.trading.venue import StopOrder
from tests.integration.runner.conftest import RULES
from tests.integration.runner.minutes import START_MS, TICK, Exit, GatedOrders, Minutes, Twin, minutes
from tests.integration.runner.stage import naked_ms
from tests.integration.runner.venue_world import (
    PYRAMID,
    SYMBOL,
    Ledger,
    assert_books_equal,
    faults_told,
    until,
)
from tests.integration.runner.world import rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

Deploy = Callable[..., int]
N_KNOWN = 40

TURNING = '''
import numpy as np
from quant_pipelines.sdk import Array, Bars, Float, Int, Stops, Strategy


class Turning(Strategy):
    """Long for ten minutes, short for ten."""

    stops = Stops({stops}, atr_window=5)

    def target(self, bars: Bars) -> Array:
        return np.where(bars.ts // 600_000 % 2 == 0, 1.0, -1.0)
'''
LAYERS = (
    "atr_stop=Float(2.0, low=0.5, high=9.0), chandelier_stop=Float(2.2, low=0.5, high=9.0), "
    "time_stop=Int(6, low=1, high=99), take_profit=Float(0.0025, low=0.0005, high=0.5)"
)
TRAILING = "chandelier_stop=Float(3.0, low=0.5, high=9.0)"
FREE = replace(RULES, costs=CostSettings(fee_bps=0.0, slippage_bps=0.0, maker_fee_bps=0.0))


def random_bars(seed: int, n_bars: int, *, drift: float = 0.0) -> Bars:
    rng = np.random.default_rng(seed)
    close = 50_000.0 * np.exp(np.cumsum(rng.normal(drift, 0.0008, n_bars)))
    open_ = np.concatenate([close[:1], close[:-1]])
    reach = np.abs(rng.normal(0.0, 0.0004, (2, n_bars)))
    prices = {
        "open": open_,
        "high": np.maximum(open_, close) * (1.0 + reach[0]),
        "low": np.minimum(open_, close) * (1.0 - reach[1]),
        "close": close,
    }
    return bars_of(prices)


def bars_of(prices: dict[str, FloatArray]) -> Bars:
    """Minutes from the stage's begin on, at prices that are on a tick."""
    columns: dict[str, Any] = {name: np.round(price, 1) for name, price in prices.items()}
    n_bars = prices["open"].size
    columns["ts"] = START_MS + MINUTE_MS * np.arange(n_bars, dtype=np.int64)
    columns["volume"] = np.full(n_bars, 1000.0)
    return bars_from_columns(SYMBOL, "1m", columns)


def deploy_at_venue(deploy: Deploy, bars: Bars, stops: str, source: str = TURNING) -> int:
    begins = from_ms(int(bars.ts[N_KNOWN]))
    return deploy(
        source.format(stops=stops),
        stage="canary",
        venue="binanceusdm",
        tick_size="0.1",
        settings=FREE.to_document(),
        created_at=begins,
        history_start=from_ms(int(bars.ts[0])),
    )


def play(
    engine: Engine,
    home: Path,
    bars: Bars,
    scenario: Callable[[Minutes], Any],
    orders: type[GatedOrders] = GatedOrders,
) -> None:
    async def run() -> None:
        async with minutes(engine, home, bars, n_known=N_KNOWN, orders=orders) as played:
            await scenario(played)

    asyncio.run(run())


def exits_at_venue(engine: Engine) -> list[Exit]:
    query = "select distinct on (client_order_id) ts, reason from trading.fills where reason <> 'target'"
    return sorted(
        (Exit(floor_ms(to_ms(ts), MINUTE_MS), reason) for ts, reason in rows(engine, query)),
        key=lambda one: one.bar_ms,
    )


def exits_as_named(exits: list[Exit], paper: list[Exit]) -> list[Exit]:
    """Exits by the names of the paper book where a stop at the close before took the position out first.

    At the same open the paper book may find the chandelier's level passed, as it moved by what the strategy
    read at that close; at the venue nobody waits for that, and the price is that open in both.
    """
    named = {one.bar_ms: one for one in paper}
    return [named.get(one.bar_ms, one) if one.reason == "time_stop" else one for one in exits]


@pytest.mark.parametrize("seed", [0, 12])
def test_exits_and_levels_at_the_venue_are_those_of_the_paper_book(
    seed: int, engine: Engine, deploy: Deploy, tmp_path: Path
) -> None:
    bars = random_bars(seed, N_KNOWN + 80)
    deploy_at_venue(deploy, bars, LAYERS)
    n_compared = 0

    async def scenario(played: Minutes) -> None:
        nonlocal n_compared
        twin = Twin(played.trader.plan)
        for row in range(N_KNOWN, len(bars)):
            await played.pass_bar()
            await played.settle()
            await played.book_bars()
            await played.settle()
            twin.step(bars, row)
            n_compared += are_levels_alike(played, twin)
        assert exits_as_named(exits_at_venue(engine), twin.exits)[: len(twin.exits)] == twin.exits
        assert len(exits_at_venue(engine)) - len(twin.exits) in (0, 1)  # the next bar's open has come
        assert {one.reason for one in twin.exits} == {
            "atr_stop",
            "chandelier_stop",
            "time_stop",
            "take_profit",
        }

    play(engine, tmp_path, bars, scenario)
    assert n_compared > 20
    # A price that was through a level before its stop stood is an exit, not a refusal.
    assert rows(engine, "select 1 from trading.orders where status = 'REJECTED'") == []
    assert faults_told(engine) == []
    assert_books_equal(engine, Ledger(tmp_path))


def are_levels_alike(played: Minutes, twin: Twin) -> bool:
    """Whether both hold a position; then its stop stands at the venue at the paper book's level and goal."""
    state, (held,) = twin.book.state, rows(played.engine, "select quantity from trading.positions")[0]
    if state is None or twin.book.pending or not state.account.position or not held:
        return False
    assert np.sign(float(held)) == np.sign(state.account.position)
    side = Decimal(int(np.sign(state.account.position)))
    stop = wanted_level(side, twin.book.stop_price, TICK, "stop")
    goal = wanted_level(side, state.stop.guard.goal, TICK, "goal")
    assert stop is not None
    assert goal is not None
    assert played.standing() == [
        ("STOP_MARKET", stop.trigger_price),
        ("TAKE_PROFIT_MARKET", goal.trigger_price),
    ]
    return True


def rising_bars(n_bars: int) -> Bars:
    """Every bar is a little higher, and no bar comes near a trailing stop."""
    ladder = 50_000.0 + 20.0 * np.arange(n_bars)
    prices = {"open": ladder, "high": ladder + 25.0, "low": ladder - 5.0, "close": ladder + 20.0}
    return bars_of(prices)


def test_a_trailing_stop_moves_with_every_bar_and_no_moment_is_naked(
    engine: Engine, deploy: Deploy, tmp_path: Path
) -> None:
    bars = rising_bars(N_KNOWN + 9)
    deploy_at_venue(deploy, bars, TRAILING)

    async def scenario(played: Minutes) -> None:
        triggers = list[Decimal]()
        for _ in range(9):
            await played.pass_bar()
            await played.book_bars()
            await played.settle()
            triggers += [trigger for _, trigger in played.standing()]
        assert len(triggers) == 9
        assert all(later > sooner for sooner, later in pairwise(triggers))

    play(engine, tmp_path, bars, scenario)
    ledger = Ledger(tmp_path)
    with ledger.opened() as file:
        assert naked_ms(file) == 0
    # The first one, and for each move a bridge and the stop itself.
    assert ledger.select("select count(*) from algo_orders") == [(1 + 2 * 8,)]
    names = "select distinct exit_reason from trading.intents where purpose = 'stop'"
    assert rows(engine, names) == [("chandelier_stop",)]
    assert_books_equal(engine, ledger)


def test_no_moment_without_a_stop_while_the_size_changes_and_partial_closings_add_up_to_the_last_digit(
    engine: Engine, deploy: Deploy, tmp_path: Path
) -> None:
    bars = random_bars(2, N_KNOWN + 9)  # the entry price, and the stop with it, moves with the size
    deploy_at_venue(deploy, bars, "", PYRAMID)

    async def scenario(played: Minutes) -> None:
        for _ in range(6):
            await played.pass_bar()
            await played.book_bars()
            await played.settle()

    play(engine, tmp_path, bars, scenario)
    ledger = Ledger(tmp_path)
    with ledger.opened() as file:
        assert naked_ms(file) == 0
    canceled = "select created_ms, updated_ms from algo_orders where status = 'CANCELED' order by number"
    (_, end), *_ = ledger.select(canceled)
    [(second,)] = ledger.select("select created_ms from algo_orders order by number limit 1 offset 1")
    assert second <= end, "the second stop was placed before the first one was canceled"
    sides = list(dict.fromkeys(rows(engine, "select side from trading.fills order by trade_id::bigint")))
    assert sides == [("buy",), ("sell",)]
    assert rows(engine, "select quantity > 0 from trading.positions") == [(True,)]
    assert faults_told(engine) == []
    assert_books_equal(engine, ledger)


@pytest.mark.parametrize("is_link_first", [False, True])
def test_a_runner_that_was_away_goes_on_with_the_level_that_the_missed_bars_make(
    *, is_link_first: bool, engine: Engine, deploy: Deploy, tmp_path: Path
) -> None:
    bars = rising_bars(N_KNOWN + 9)
    deploy_at_venue(deploy, bars, TRAILING)

    async def scenario(played: Minutes) -> None:
        twin = Twin(played.trader.plan)
        for _ in range(3):
            await played.pass_bar()
            await played.book_bars()
            await played.settle()
        before = played.standing()
        await played.die()
        for _ in range(4):
            await played.pass_bar()
        assert played.standing() == before
        played.open()
        if is_link_first:
            await played.talk()
            assert played.standing() == before
            await played.book_bars()
            await played.settle()
        else:
            await played.book_bars()
            await played.talk()
        for row in range(N_KNOWN, N_KNOWN + 7):
            twin.step(bars, row)
        wanted = wanted_level(Decimal(1), twin.book.stop_price, TICK, "stop")
        assert wanted is not None
        assert played.standing() == [("STOP_MARKET", wanted.trigger_price)]

    play(engine, tmp_path, bars, scenario)
    ledger = Ledger(tmp_path)
    with ledger.opened() as file:
        assert naked_ms(file) == 0
    assert_books_equal(engine, ledger)


def test_an_entry_whose_runner_dies_before_it_is_booked_gets_the_level_of_all_bars_since(
    engine: Engine, deploy: Deploy, tmp_path: Path
) -> None:
    bars = rising_bars(N_KNOWN + 9)
    deploy_at_venue(deploy, bars, TRAILING)

    async def scenario(played: Minutes) -> None:
        twin = Twin(played.trader.plan)
        await played.pass_bar()
        await played.book_bars(dies_behind=True)
        assert played.ledger.select("select count(*) from fills") == [(1,)]
        assert rows(engine, "select 1 from trading.fills") == []
        for _ in range(4):
            await played.pass_bar()
        played.open()
        await played.book_bars()
        await played.talk()
        for row in range(N_KNOWN, N_KNOWN + 5):
            twin.step(bars, row)
        wanted = wanted_level(Decimal(1), twin.book.stop_price, TICK, "stop")
        assert wanted is not None
        assert played.standing() == [("STOP_MARKET", wanted.trigger_price)]

    play(engine, tmp_path, bars, scenario)
    assert_books_equal(engine, Ledger(tmp_path))


def test_an_equity_stop_leaves_by_an_order_that_only_reduces(
    engine: Engine, deploy: Deploy, tmp_path: Path
) -> None:
    falling = 50_000.0 - 100.0 * np.arange(N_KNOWN + 9)
    prices = {"open": falling, "high": falling + 5.0, "low": falling - 100.0, "close": falling - 100.0}
    bars = bars_of(prices)
    deploy_at_venue(deploy, bars, "equity_stop=Float(0.006, low=0.001, high=0.5)")

    async def scenario(played: Minutes) -> None:
        for _ in range(7):
            await played.pass_bar()
            await played.book_bars()
            await played.settle()
        assert played.standing() == []

    play(engine, tmp_path, bars, scenario)
    ledger = Ledger(tmp_path)
    query = "select purpose, exit_reason from trading.intents where purpose <> 'stop' order by committed_at"
    assert rows(engine, query) == [("target", None), ("exit", "equity_stop")]
    reasons = rows(engine, "select distinct side, reason from trading.fills order by side")
    assert reasons == [("buy", "target"), ("sell", "equity_stop")]
    assert ledger.select("select side, reduce_only from orders order by number") == [("BUY", 0), ("SELL", 1)]
    assert rows(engine, "select distinct exit_reason from trading.intents where purpose = 'stop'") == [
        ("disaster_stop",)
    ]
    [(name,)] = rows(engine, "select client_order_id from trading.intents where purpose = 'exit'")
    assert "equity_stop of the position" in explain_order(engine, name)["answer"]
    assert faults_told(engine) == []
    assert_books_equal(engine, ledger)


def test_a_reversal_at_the_close_of_a_time_stop_leaves_first_and_then_enters(
    engine: Engine, deploy: Deploy, tmp_path: Path
) -> None:
    bars = random_bars(3, N_KNOWN + 14)
    deploy_at_venue(deploy, bars, "time_stop=Int(10, low=1, high=99)")

    async def scenario(played: Minutes) -> None:
        for _ in range(12):
            await played.pass_bar()
            await played.book_bars()
            await played.settle()

    play(engine, tmp_path, bars, scenario)
    [(quantity,)] = rows(engine, "select quantity from trading.positions")
    assert quantity < 0
    order = "select side, reason from trading.fills order by trade_id::bigint"
    assert list(dict.fromkeys(rows(engine, order))) == [
        ("buy", "target"),
        ("sell", "time_stop"),
        ("sell", "target"),
    ]
    assert_books_equal(engine, Ledger(tmp_path))


class Crowded(GatedOrders):
    """The venue takes no stop that moves: it has too many."""

    async def place_stop(self, stop: StopOrder) -> None:
        if stop.quantity is not None:
            raise ExchangeRefused(f"{stop.client_order_id} is one stop too many")
        await super().place_stop(stop)


def test_a_stop_that_the_venue_does_not_move_stays_and_is_not_tried_without_pause(
    engine: Engine, deploy: Deploy, tmp_path: Path
) -> None:
    bars = rising_bars(N_KNOWN + 9)
    deploy_at_venue(deploy, bars, TRAILING)

    async def scenario(played: Minutes) -> None:
        await played.pass_bar()
        await played.book_bars()
        await played.settle()
        before = played.standing()
        refused = "select count(*) from trading.orders where status = 'REJECTED'"
        for n_refused in (1, 2):
            await played.pass_bar()
            await played.book_bars()
            await until(lambda n=n_refused: rows(engine, refused) == [(n,)])
        assert played.standing() == before

    play(engine, tmp_path, bars, scenario, orders=Crowded)
    ledger = Ledger(tmp_path)
    assert len(ledger.fills()) == 1
    with ledger.opened() as file:
        assert naked_ms(file) == 0
