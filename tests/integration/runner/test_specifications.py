"""A specification that changes: as of its date in a paper book, and taken up by a runner that is at work."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert

from live_runner.feed.feed import Feed
from live_runner.process.traders import Traders
from live_runner.venue.accounts import OrderVenues
from quant_pipelines.backtest import BacktestSettings, run_event_backtest
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms, to_ms
from quant_pipelines.sdk.loading import compile_strategy
from quant_pipelines.store.postgres_journal import PostgresJournal
from quant_pipelines.store.tables import instruments
from quant_pipelines.trading import DatedSpecification, Specification, SpecificationHistory
from tests.integration.runner.conftest import RULES, START
from tests.integration.runner.replay import ReplaySource, ReplayTime
from tests.integration.runner.world import (
    DEPLOYED,
    HISTORY_START,
    LADDER,
    SETTINGS,
    SWITCH,
    SYMBOL,
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


def test_runner_at_work_takes_up_a_changed_specification(
    engine: Engine, deploy: Callable[..., int], caplog: pytest.LogCaptureFixture
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
        async with OrderVenues(SETTINGS, lambda *_: pytest.fail("no venue is needed")) as venues:
            traders = Traders(journal, SETTINGS, Feed(source, time), time, epoch=epoch, venues=venues)
            await traders.open()
            seen = [taken_up()]
            await traders.refresh()
            seen.append(taken_up())
            change_specification(engine)
            await traders.refresh()
            return [*seen, taken_up()]

    assert asyncio.run(refreshed()) == [1, 1, 2]
