"""Orders that live over several bars on paper: as the event backtest has them, restarts in between or not."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.backtest import BacktestResult, BacktestSettings, run_event_backtest
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.sdk.loading import compile_strategy
from quant_pipelines.store.heartbeats import write_halt
from quant_pipelines.trading import Execution, Specification, TradingRules
from quant_pipelines.trading.breaker import Trip
from tests.integration.runner.conftest import RULES
from tests.integration.runner.replay import ReplaySource, ReplayTime, roll_up
from tests.integration.runner.world import (
    DEPLOYED,
    HISTORY_START,
    LADDER,
    N_BARS,
    SETTINGS,
    SWITCH,
    SYMBOL,
    World,
    books,
    recording,
    rows,
    with_limit,
    world,
)

pytestmark = pytest.mark.postgres

PLACE = {"history_start": HISTORY_START, "created_at": DEPLOYED}
SLOW = replace(RULES, execution=Execution(participation=4.0 / 6.0, latency_ms=90_000))
THIN = replace(RULES, execution=Execution(participation=1.0))
OPEN = ("INITIALIZED", "SUBMITTED", "PARTIALLY_FILLED")


def replayed(source: str, rules: TradingRules, timeframe: str) -> BacktestResult:
    market = recording()
    return run_event_backtest(
        compile_strategy("replayed", source).strategy_class(),
        roll_up(market.bars[SYMBOL], timeframe),
        settings=BacktestSettings(
            rules=replace(rules, specification=Specification(0.001, 5.0)), trade_from_ms=to_ms(DEPLOYED)
        ),
        execution_bars=market.bars[SYMBOL],
        funding=market.funding[SYMBOL],
    )


def part(engine: Engine, database_url: str, first: int, last: int) -> World:
    """World that begins and ends within the recording, counted in minutes of it."""
    start = to_ms(HISTORY_START) + first * MINUTE_MS
    time = ReplayTime(start, to_ms(HISTORY_START) + last * MINUTE_MS + 30_000)
    return World(engine, database_url, ReplaySource(recording(), time), time)


CASES: dict[str, tuple[str, TradingRules, str]] = {
    "target, capped and late": (SWITCH, SLOW, "1m"),
    "target, capped": (SWITCH, THIN, "1m"),
    "ladder": (LADDER, RULES, "1m"),
    "ladder on finer bars": (LADDER, RULES, "15m"),
    "ladder, capped and late": (LADDER, SLOW, "1m"),
}


@pytest.mark.parametrize("name", CASES)
def test_paper_equals_the_event_backtest_to_the_bit_though_it_is_restarted(
    engine: Engine, database_url: str, deploy: Callable[..., int], name: str
) -> None:
    source, rules, timeframe = CASES[name]
    deploy(source, timeframe=timeframe, settings=rules.to_document(), **PLACE)
    minutes = [120, 151, 187, 188, 260, 331, N_BARS]
    for first, last in pairwise(minutes):
        asyncio.run(part(engine, database_url, first, last).play())
    equity = [row[0] for row in rows(engine, "select equity from trading.equity order by ts")]
    expected = replayed(source, rules, timeframe)
    assert len(expected.trades) > 2
    assert equity == expected.bar_equity.tolist()


def test_rows_of_capped_orders_go_from_submitted_over_partially_filled_to_an_end(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(SWITCH, settings=SLOW.to_document(), **PLACE)
    asyncio.run(world(engine, database_url).play())
    several = rows(
        engine,
        "select status, o.filled_quantity = sum(f.quantity), o.filled_quantity <= i.quantity "
        "from trading.orders o join trading.intents i using (client_order_id) "
        "join trading.fills f using (client_order_id) group by i.client_order_id, o.client_order_id "
        "having count(distinct f.ts) > 1",
    )
    statuses = dict(rows(engine, "select status, count(*) from trading.orders group by 1"))
    assert len(several) > 2
    assert all(is_summed and is_within for _, is_summed, is_within in several)
    assert {"FILLED", "CANCELED"} <= set(statuses)
    assert sum(statuses.get(status, 0) for status in OPEN) <= 1


def test_every_fill_of_a_resting_order_has_its_intent_and_sums_to_the_position(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(LADDER, **PLACE)
    asyncio.run(world(engine, database_url).play())
    unexplained = (
        "select count(*) from trading.fills f left join trading.intents i using (client_order_id) "
        "where f.reason <> 'hard_stop' and (i.committed_at is null or i.committed_at > f.booked_at "
        "or f.ts < i.bar_close)"
    )
    worse = (
        "select count(*) from trading.fills f join trading.intents i using (client_order_id) "
        "where i.order_type = 'limit' "
        "and case i.side when 'buy' then f.price > i.price else f.price < i.price end"
    )
    summed = "select sum(case side when 'buy' then quantity else -quantity end) from trading.fills"
    kinds = {row[0] for row in rows(engine, "select distinct order_type from trading.intents")}
    working = rows(engine, f"select client_order_id from trading.orders where status in {OPEN}")  # noqa: S608
    [(state,)] = rows(engine, "select state from trading.checkpoints")
    assert rows(engine, unexplained) == [(0,)]
    assert rows(engine, worse) == [(0,)]
    assert rows(engine, summed) == rows(engine, "select quantity from trading.positions")
    assert kinds == {"limit", "stop_market", "market"}
    assert len(working) == len(state["orders"])
    assert state["desk"]["memory"]["bars"] == N_BARS - 120


def test_halt_takes_back_what_could_open_and_keeps_what_reduces(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deployment_id = deploy(LADDER, **PLACE)
    asyncio.run(part(engine, database_url, 120, 125).play())
    write_halt(engine, f"deployment:{deployment_id}", Trip("failed", "a person looks"), DEPLOYED)
    asyncio.run(part(engine, database_url, 125, 130).play())
    open_kinds = rows(
        engine,
        "select distinct reduce_only from trading.intents join trading.orders using (client_order_id) "  # noqa: S608
        f"where status in {OPEN}",
    )
    assert (False,) not in open_kinds
    assert (
        rows(engine, "select count(*) from trading.orders where reason = 'the runner took it back'")[0][0] > 0
    )


def test_stage_that_is_left_takes_all_orders_back_and_closes(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(LADDER, **PLACE)
    asyncio.run(part(engine, database_url, 120, 170).play())
    with engine.begin() as connection:
        connection.exec_driver_sql("update trading.deployments set stage = 'retired'")
    asyncio.run(part(engine, database_url, 170, 176).play())
    [(quantity,)] = rows(engine, "select quantity from trading.positions")
    [(n_open,)] = rows(engine, f"select count(*) from trading.orders where status in {OPEN}")  # noqa: S608
    assert (quantity, n_open) == (0, 0)


def test_loss_of_the_day_denies_what_opens_and_says_so(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(LADDER, **PLACE)
    strict = with_limit(SETTINGS, max_daily_loss_fraction=0.0005)
    played = world(engine, database_url)
    played.settings = strict
    asyncio.run(played.play())
    denied = "select count(*) from trading.signals where decision ->> 'denied_by' = 'daily_loss'"
    assert rows(engine, denied)[0][0] > 0


def test_time_between_is_only_booked_and_told_later(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(LADDER, **PLACE)
    asyncio.run(part(engine, database_url, 120, 160).play())
    asyncio.run(part(engine, database_url, 200, 210).play())
    late = DEPLOYED + timedelta(minutes=41)
    query = "select count(*) from trading.signals where bar_close > :first and bar_close < :last"
    last = HISTORY_START + timedelta(minutes=199)
    [(state,)] = rows(engine, "select state from trading.checkpoints")
    assert rows(engine, query, first=late, last=last) == [(0,)]
    assert rows(engine, "select count(*) from trading.equity")[0][0] == 90
    fills: dict[str, Any] = state["desk"]["memory"]["fills"]
    n_fills = rows(engine, "select count(*) from trading.fills")[0][0]
    assert sum(n for reason, n in fills.items() if "order" in reason or "stop" in reason) >= n_fills - 1


def test_books_of_a_restarted_run_are_those_of_an_uninterrupted_one(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(LADDER, **PLACE)
    asyncio.run(part(engine, database_url, 120, 240).play())
    expected = books(engine)
    for table in ("fills", "orders", "intents", "income", "equity", "signals", "positions", "checkpoints"):
        with engine.begin() as connection:
            connection.exec_driver_sql(f"delete from trading.{table}")  # noqa: S608 - our own tables
    for first, last in ((120, 133), (133, 134), (134, 190), (190, 240)):
        asyncio.run(part(engine, database_url, first, last).play())
    assert books(engine) == expected
