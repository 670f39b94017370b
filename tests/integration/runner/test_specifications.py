"""A specification that changes: as of its date in a paper book, and taken up by a runner that is at work."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert

from live_runner.book.history import load_history
from live_runner.feed.feed import Feed
from live_runner.process.traders import Traders
from live_runner.venue.accounts import OrderVenues
from quant_pipelines.backtest import BacktestSettings, run_event_backtest
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms, to_ms
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.operations.statements import record_factor
from quant_pipelines.sdk.loading import compile_strategy
from quant_pipelines.store.postgres_journal import PostgresJournal
from quant_pipelines.store.tables import instruments
from quant_pipelines.trading import DatedSpecification, Specification, SpecificationHistory
from tests.in_process import in_process
from tests.integration.runner.conftest import RULES, START
from tests.integration.runner.replay import ReplaySource, ReplayTime
from tests.integration.runner.world import (
    DEPLOYED,
    HISTORY_START,
    LADDER,
    SETTINGS,
    SWITCH,
    SYMBOL,
    execute,
    recording,
    rows,
    world,
)

pytestmark = pytest.mark.postgres

CHANGED = DEPLOYED + timedelta(minutes=100)
PLACE = {"history_start": HISTORY_START, "created_at": DEPLOYED}


def change_specification(engine: Engine) -> None:
    """Lots of half a coin from a moment on, and another fee before it than since."""
    with engine.begin() as connection:
        values = {"tick_size": "0.01", "lot_size": "0.5", "min_notional": "5", "maker_fee": "0.0002"}
        key = {"exchange": "binanceusdm", "symbol": SYMBOL, "valid_from": CHANGED}
        rest = {"taker_fee": "0.0006", "max_leverage": 20, "funding_interval_hours": 8}
        connection.execute(insert(instruments).values(key | values | rest))


@pytest.mark.parametrize("source", [SWITCH, LADDER], ids=["target", "orders"])
def test_live_book_has_the_lots_and_fees_of_each_bar_like_the_event_backtest(
    engine: Engine, database_url: str, deploy: Callable[..., int], source: str
) -> None:
    deploy(source, **PLACE)
    change_specification(engine)
    asyncio.run(world(engine, database_url).play())
    market = recording()
    dated = SpecificationHistory(
        (
            DatedSpecification(to_ms(START), Specification(0.001, 5.0), fee_bps=0.0005 * 1e4),
            DatedSpecification(to_ms(CHANGED), Specification(0.5, 5.0)),
        )
    )
    expected = run_event_backtest(
        compile_strategy("replayed", source).strategy_class(),
        market.bars[SYMBOL],
        settings=BacktestSettings(rules=RULES, trade_from_ms=to_ms(DEPLOYED), specifications=dated),
        funding=market.funding[SYMBOL],
    )
    equity = [row[0] for row in rows(engine, "select equity from trading.equity order by ts")]
    lots = rows(engine, "select count(*) filter (where quantity % 0.5 <> 0), count(*) from trading.fills")
    assert 0 < lots[0][0] < lots[0][1]
    assert equity == expected.bar_equity.tolist()


def record_scale(engine: Engine) -> None:
    """A thousand coins became one, an hour after the history's start."""
    change = f"{HISTORY_START + timedelta(minutes=60):%Y-%m-%dT%H:%M}=1000"
    record_factor(engine, "binanceusdm", Signature("ann", "a split"), symbol=SYMBOL, change=change)


def change_parameters(engine: Engine) -> None:
    """Better parameters of the same text, which go on in the same book."""
    execute(engine, "update trading.deployments set parameters = '{\"window\": 9}'")


@pytest.mark.parametrize("change", [change_specification, record_scale, change_parameters])
def test_runner_at_work_begins_a_deployment_again_with_what_changed(
    engine: Engine,
    deploy: Callable[..., int],
    caplog: pytest.LogCaptureFixture,
    change: Callable[[Engine], None],
) -> None:
    deploy(SWITCH, **PLACE)
    caplog.set_level(logging.INFO, "live_runner.process.traders")

    def taken_up() -> int:
        return sum(record.message == "deployment taken up" for record in caplog.records)

    async def refreshed() -> list[int]:
        time = ReplayTime(to_ms(DEPLOYED), to_ms(DEPLOYED) + MINUTE_MS)
        source = ReplaySource(recording(), time, is_silent=True)
        journal = PostgresJournal(engine)
        epoch = await asyncio.to_thread(journal.open_epoch, "test:1", from_ms(time.now_ms()))
        async with OrderVenues(SETTINGS, lambda *_: pytest.fail("no venue is needed"), pytest.fail) as venues:
            feed = Feed(source, time)
            traders = Traders(journal, SETTINGS, feed, epoch=epoch, venues=venues, load=in_process)
            await traders.open()
            seen = [taken_up()]
            await traders.refresh()
            seen.append(taken_up())
            await asyncio.to_thread(change, engine)
            await traders.refresh()
            seen.append(taken_up())
            await traders.refresh()
            return [*seen, taken_up()]

    assert asyncio.run(refreshed()) == [1, 1, 2, 2]


def test_history_of_a_runner_has_the_recorded_scale(engine: Engine, deploy: Callable[..., int]) -> None:
    deploy(SWITCH, **PLACE)
    journal = PostgresJournal(engine)
    (deployment,) = journal.read_deployments()

    def closes() -> list[float]:
        time = ReplayTime(to_ms(DEPLOYED), to_ms(DEPLOYED) + MINUTE_MS)
        feed = Feed(ReplaySource(recording(), time, is_silent=True), time)
        return asyncio.run(load_history(journal.market, feed, deployment, time.now_ms())).bars.close.tolist()

    before = closes()
    record_scale(engine)
    assert closes() == [1000.0 * close for close in before[:60]] + before[60:]


def test_recorded_factor_is_announced_to_the_runner(engine: Engine) -> None:
    with engine.connect() as listening:
        listening.exec_driver_sql("listen deployments")
        listening.commit()
        record_scale(engine)
        heard = listening.connection.driver_connection.notifies(timeout=5, stop_after=1)  # type: ignore[union-attr]
        assert [one.channel for one in heard] == ["deployments"]
