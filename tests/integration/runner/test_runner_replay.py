import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine

from quant_pipelines.backtest import BacktestSettings, run_event_backtest
from quant_pipelines.core.depth import BookSample, DepthSeries
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.portfolio import AllIn
from quant_pipelines.sdk.loading import compile_strategy
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.market_events import save_book
from quant_pipelines.store.postgres_journal import PostgresJournal
from quant_pipelines.trading import Bracket, Execution, Specification
from tests.integration.runner.conftest import RULES
from tests.integration.runner.replay import far_marks, roll_up
from tests.integration.runner.world import (
    DEPLOYED,
    FAILING,
    HISTORY_START,
    N_BARS,
    OTHER_SYMBOL,
    SETTINGS,
    SWITCH,
    SYMBOL,
    TABLES,
    books,
    execute,
    recording,
    rows,
    with_limit,
    world,
)

pytestmark = pytest.mark.postgres

PLACE = {"history_start": HISTORY_START, "created_at": DEPLOYED}


@pytest.mark.parametrize("timeframe", ["1m", "15m"])
def test_live_books_equal_the_event_backtest_of_the_same_bars_to_the_bit(
    engine: Engine, database_url: str, deploy: Callable[..., int], timeframe: str
) -> None:
    within_a_bar = DEPLOYED + timedelta(minutes=7)
    deployment_id = deploy(SWITCH, timeframe=timeframe, created_at=within_a_bar, history_start=HISTORY_START)
    asyncio.run(world(engine, database_url, start=within_a_bar).play())
    market = recording()
    settings = BacktestSettings(
        rules=replace(RULES, specification=Specification(0.001, 5.0)),
        trade_from_ms=to_ms(within_a_bar),
    )
    expected = run_event_backtest(
        compile_strategy("switch", SWITCH).strategy_class(),
        roll_up(market.bars[SYMBOL], timeframe),
        settings=settings,
        execution_bars=market.bars[SYMBOL],
        funding=market.funding[SYMBOL],
    )
    equity = [row[0] for row in rows(engine, "select equity from trading.equity order by ts")]
    n_fills = rows(engine, "select count(*) from trading.fills")[0][0]
    assert deployment_id == 1
    assert n_fills > 4
    assert expected.bar_equity is not None
    assert equity == expected.bar_equity.tolist()


def test_live_book_is_liquidated_on_the_mark_like_the_event_backtest(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    margin = Execution(brackets=(Bracket(0.0, 0.01),), leverage=40.0)
    rules = replace(RULES, execution=margin, sizing=AllIn(0.1))  # a day's losses stay within the limit
    deploy(SWITCH, settings=rules.to_document(), **PLACE)
    asyncio.run(world(engine, database_url).play())
    market = recording()
    expected = run_event_backtest(
        compile_strategy("switch", SWITCH).strategy_class(),
        market.bars[SYMBOL],
        settings=BacktestSettings(
            rules=replace(rules, specification=Specification(0.001, 5.0)), trade_from_ms=to_ms(DEPLOYED)
        ),
        funding=market.funding[SYMBOL],
        mark=far_marks(market.bars[SYMBOL]),
    )
    equity = [row[0] for row in rows(engine, "select equity from trading.equity order by ts")]
    assert rows(engine, "select 1 from trading.fills where reason = 'liquidation'")
    assert equity == expected.bar_equity.tolist()


def test_live_book_walks_the_stored_order_books_like_the_event_backtest(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    rules = replace(RULES, sizing=AllIn(0.1))  # a day's losses stay within the limit
    deploy(SWITCH, settings=rules.to_document(), **PLACE)
    market, samples = recording(), []
    bars = market.bars[SYMBOL]
    for open_, ts in zip(bars.open[170::15].tolist(), bars.ts[170::15].tolist(), strict=True):
        bids, asks = [(open_ - 0.02, 5.0), (open_ - 0.3, 50.0)], [(open_ + 0.02, 7.0), (open_ + 0.4, 40.0)]
        samples.append(BookSample(ts - 2_000, bids, asks))
        book = SimpleNamespace(ts=ts - 2_500, bids=bids, asks=asks, received_ms=ts - 2_000)
        save_book(engine, "binanceusdm", SYMBOL, book)
    sampled = replace(SETTINGS.market, book_symbols=(SYMBOL,))
    played = replace(world(engine, database_url), settings=replace(SETTINGS, market=sampled))
    asyncio.run(played.play())
    expected = run_event_backtest(
        compile_strategy("switch", SWITCH).strategy_class(),
        bars,
        settings=BacktestSettings(
            rules=replace(rules, specification=Specification(0.001, 5.0)), trade_from_ms=to_ms(DEPLOYED)
        ),
        funding=market.funding[SYMBOL],
        depth=DepthSeries.of_samples(samples),
    )
    equity = [row[0] for row in rows(engine, "select equity from trading.equity order by ts")]
    assert 0 < expected.depth_fallbacks < 2 * len(expected.trades)
    assert equity == expected.bar_equity.tolist()


def test_fills_have_a_committed_intent_before_them_and_sum_to_the_position(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(SWITCH, **PLACE)
    asyncio.run(world(engine, database_url).play())
    unexplained = (
        "select count(*) from trading.fills f left join trading.intents i using (client_order_id) "
        "where f.reason <> 'hard_stop' "
        "and (i.committed_at is null or i.committed_at > f.booked_at or f.ts < i.bar_close)"
    )
    summed = "select sum(case side when 'buy' then quantity else -quantity end) from trading.fills"
    reasons = {row[0] for row in rows(engine, "select distinct reason from trading.fills")}
    assert rows(engine, unexplained) == [(0,)]
    assert rows(engine, summed) == rows(engine, "select quantity from trading.positions")
    assert reasons == {"target", "hard_stop"}
    assert rows(engine, "select count(*) from trading.income")[0][0] == 1
    assert len(rows(engine, "select 1 from trading.equity")) == N_BARS - 120


def test_history_comes_from_the_database_where_it_has_it(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(SWITCH, **PLACE)
    played = world(engine, database_url)
    all_rows = asyncio.run(played.source.bars(SYMBOL, "1m", Window(0, to_ms(DEPLOYED))))
    upsert_bars(engine, Series("binanceusdm", SYMBOL, "1m"), all_rows)
    execute(engine, "delete from market.bars where extract(minute from ts) between 30 and 34")
    asyncio.run(played.play())
    from_database = books(engine)
    execute(engine, "delete from market.bars")
    for table in TABLES:
        execute(engine, f"delete from trading.{table}")  # noqa: S608 - our own tables
    asyncio.run(world(engine, database_url).play())
    assert books(engine) == from_database


def test_a_strategy_that_raises_halts_only_its_deployment(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    healthy = deploy(SWITCH, **PLACE)
    broken = deploy(FAILING, symbol=OTHER_SYMBOL, **PLACE)
    asyncio.run(world(engine, database_url).play())
    ends = dict(rows(engine, "select deployment_id, max(ts) from trading.equity group by 1"))
    decided = dict(rows(engine, "select deployment_id, max(bar_close) from trading.signals group by 1"))
    alerts = rows(engine, "select source, message from ops.alerts where severity = 'halt'")
    (beat,) = rows(engine, "select detail from ops.heartbeats where service = 'live_runner'")
    assert ends[healthy] == ends[broken] == HISTORY_START + timedelta(minutes=N_BARS)
    assert decided[healthy] == ends[healthy]
    assert decided[broken] == HISTORY_START + timedelta(minutes=150)
    assert alerts == [(f"deployment:{broken}", alerts[0][1])]
    assert "broken on purpose" in alerts[0][1]
    assert [one["state"] for one in beat[0]["deployments"]] == ["ACTIVE", "HALTED"]


class SlowAlerts(PostgresJournal):
    """Others read an alert long before whoever wrote it goes on."""

    def write_alert(self, alert: Alert) -> None:
        PostgresJournal.write_alert(self, alert)
        time.sleep(10 * SETTINGS.runner.deployment_poll_seconds)


def test_a_failure_whose_alert_is_read_before_the_trader_is_told_still_books(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(FAILING, **PLACE)
    played = world(engine, database_url, n_bars=160)
    played.open_journal = SlowAlerts
    asyncio.run(played.play())
    end = rows(engine, "select max(ts) from trading.equity")
    assert end == [(HISTORY_START + timedelta(minutes=160),)]


def test_a_halt_outlives_the_runner_and_ends_when_it_is_resolved(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(FAILING, **PLACE)
    asyncio.run(world(engine, database_url, n_bars=160).play())
    asyncio.run(world(engine, database_url, start=HISTORY_START + timedelta(minutes=161), n_bars=170).play())
    assert len(rows(engine, "select 1 from ops.alerts where severity = 'halt'")) == 1
    execute(engine, "update ops.alerts set resolved_at = now()")
    asyncio.run(world(engine, database_url, start=HISTORY_START + timedelta(minutes=171), n_bars=180).play())
    assert len(rows(engine, "select 1 from ops.alerts where severity = 'halt'")) == 2


def test_a_source_that_does_not_compile_is_an_alert_and_nothing_more(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy("class Broken(:", **PLACE)
    healthy = deploy(SWITCH, symbol=OTHER_SYMBOL, **PLACE)
    asyncio.run(world(engine, database_url, n_bars=140).play())
    (alert,) = rows(engine, "select source, message from ops.alerts where severity = 'halt'")
    assert alert[0] == "deployment:1"
    assert "syntax error in line 1" in alert[1]
    assert {row[0] for row in rows(engine, "select deployment_id from trading.equity")} == {healthy}


def test_missed_bars_are_booked_and_only_the_newest_is_decided_on(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(SWITCH, **PLACE)
    late = HISTORY_START + timedelta(minutes=300, seconds=20)
    asyncio.run(world(engine, database_url, start=late, n_bars=300).play())
    assert len(rows(engine, "select 1 from trading.equity")) == 180
    assert rows(engine, "select bar_close from trading.signals") == [
        (HISTORY_START + timedelta(minutes=300),)
    ]


def test_stale_data_stop_new_exposure(engine: Engine, database_url: str, deploy: Callable[..., int]) -> None:
    deploy(SWITCH, **PLACE)
    asyncio.run(world(engine, database_url, is_silent=True, n_bars=160).play())
    risks = rows(engine, "select distinct decision ->> 'denied_by' from trading.signals where target <> 0")
    assert risks == [("stale_data",)]
    assert rows(engine, "select count(*) from trading.intents") == [(0,)]


def test_a_day_that_lost_too_much_takes_no_new_exposure_until_midnight(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(SWITCH, **PLACE)
    played = world(engine, database_url)
    played.settings = with_limit(SETTINGS, max_daily_loss_fraction=0.02)
    asyncio.run(played.play())
    midnight = HISTORY_START.replace(hour=0) + timedelta(days=1)
    lost = "decision ->> 'denied_by' = 'daily_loss'"
    first = rows(engine, f"select min(bar_close) from trading.signals where {lost}")[0][0]  # noqa: S608
    opened = (
        "select count(*) from trading.signals where bar_close >= :first and bar_close < :midnight "
        "and (decision ->> 'order_quantity')::float8 <> 0 and (decision ->> 'desired_quantity')::float8 <> 0"
    )
    after = "select count(*) from trading.intents where bar_close >= :midnight"
    assert first is not None
    assert rows(engine, opened, first=first, midnight=midnight) == [(0,)]
    assert rows(engine, after, midnight=midnight)[0][0] > 0


def test_limits_are_seeded_from_the_settings_and_tightened_by_operators(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deployment_id = deploy(SWITCH, **PLACE)
    execute(
        engine,
        "insert into trading.risk_limits (scope, name, value, updated_at, updated_by) "
        "values (:scope, 'max_position_fraction', 0.1, now(), 'test')",
        scope=f"deployment:{deployment_id}",
    )
    asyncio.run(world(engine, database_url, n_bars=160).play())
    scopes = dict(rows(engine, "select scope, count(*) from trading.risk_limits group by 1"))
    assert scopes == {"account": 4, f"deployment:{deployment_id}": 1}
    assert {row[0] for row in rows(engine, "select decision ->> 'denied_by' from trading.signals")} >= {
        "position_limit"
    }
    assert rows(engine, "select count(*) from trading.fills") == [(0,)]
    assert rows(engine, "select quantity from trading.positions") == [(Decimal(0),)]


ALWAYS_LONG = """
import numpy as np
from quant_pipelines.sdk import Array, Bars, Strategy


class AlwaysLong(Strategy):
    def target(self, bars: Bars) -> Array:
        return np.ones(len(bars))
"""


@pytest.mark.parametrize("timeframe", ["1m", "15m"])
def test_a_deployment_that_leaves_its_stage_is_closed_at_the_next_bar_and_then_dropped(
    engine: Engine, database_url: str, deploy: Callable[..., int], timeframe: str
) -> None:
    leaving = deploy(ALWAYS_LONG, timeframe=timeframe, **PLACE)
    deploy(SWITCH, symbol=OTHER_SYMBOL, **PLACE)
    asyncio.run(world(engine, database_url, n_bars=140).play())
    fills = f"select side from trading.fills where deployment_id = {leaving} order by ts"  # noqa: S608
    assert rows(engine, fills) == [("buy",)]
    execute(engine, "update trading.deployments set stage = 'cooling' where id = :id", id=leaving)
    asyncio.run(world(engine, database_url, start=HISTORY_START + timedelta(minutes=141), n_bars=150).play())
    assert rows(engine, fills) == [("buy",), ("sell",)]
    booked = "select count(*) from trading.equity where deployment_id = :id"
    n_booked = rows(engine, booked, id=leaving)
    asyncio.run(world(engine, database_url, start=HISTORY_START + timedelta(minutes=151), n_bars=160).play())
    assert rows(engine, booked, id=leaving) == n_booked
