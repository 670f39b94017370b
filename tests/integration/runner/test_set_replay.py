"""A set that is traded on paper: as the backtest of the same bars does, whole or not at all."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.portfolio import AllIn
from quant_pipelines.trading import Bracket, Execution
from tests.integration.runner.conftest import RULES
from tests.integration.runner.replay import Recording, ReplaySource, ReplayTime
from tests.integration.runner.sets import PAIR, TRIPLE, backtest, deploy_set, recorded
from tests.integration.runner.world import DEPLOYED, HISTORY_START, OTHER_SYMBOL, World, rows

pytestmark = pytest.mark.postgres

N_BARS = 180
PLACE = {"history_start": HISTORY_START, "created_at": DEPLOYED}


def world_of(engine: Engine, database_url: str, market: Recording) -> World:
    time = ReplayTime(to_ms(DEPLOYED), to_ms(HISTORY_START) + N_BARS * MINUTE_MS + 30_000)
    return World(engine, database_url, ReplaySource(market, time), time)


def value_by_close(engine: Engine, legs: list[int]) -> dict[Any, float]:
    """Sum of the legs' equity at each close; a leg without its bar stands at its last one."""
    known = dict.fromkeys(legs, 10_000.0 * (1.0 / len(legs)))
    values = {}
    for close, leg, equity in rows(
        engine, "select ts, deployment_id, equity from trading.equity order by ts, deployment_id"
    ):
        known[leg] = equity
        values[close] = sum(known[one] for one in legs)
    return values


SMALL = replace(RULES, sizing=AllIn(0.2))  # a day's losses stay within the limit of the account
HOLES = {OTHER_SYMBOL: (130, 131, 147, 160, 161, 162)}
SETS = {
    "a_pair_of_which_one_leg_lacks_bars": (PAIR, SMALL, "1m", HOLES),
    "three_legs_on_bars_of_five_minutes": (TRIPLE, SMALL, "5m", {}),
    "a_pair_on_margin_that_is_shared": (
        PAIR,
        replace(SMALL, execution=Execution(brackets=(Bracket(0.0, 0.01),))),
        "1m",
        {},
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_a_set_on_paper_equals_the_backtest_of_the_same_bars_to_the_bit(
    engine: Engine, database_url: str, name: str
) -> None:
    symbols, rules, timeframe, holes = SETS[name]
    market = recorded(symbols, N_BARS, holes)
    legs = deploy_set(engine, symbols, rules, timeframe=timeframe, **PLACE)
    asyncio.run(world_of(engine, database_url, market).play(300.0))
    expected = backtest(market, rules, DEPLOYED, timeframe)
    values = value_by_close(engine, legs)
    assert expected.bar_equity is not None
    assert list(values.values()) == expected.bar_equity.tolist()
    for leg, book in zip(legs, expected.books, strict=True):
        query = "select ts, side from trading.fills where deployment_id = :leg order by trade_id"
        fills = rows(engine, query, leg=leg)
        entries = [trade.entry_time for trade in book.result.trades]
        assert len(entries) > 2
        assert set(entries) <= {ts for ts, _ in fills}


def test_all_legs_of_a_decision_are_committed_at_once_and_fill_after_its_close(
    engine: Engine, database_url: str
) -> None:
    market = recorded(PAIR, N_BARS, {})
    deploy_set(engine, PAIR, SMALL, **PLACE)
    asyncio.run(world_of(engine, database_url, market).play(300.0))
    apart = (
        "select bar_close from trading.intents group by bar_close "
        "having count(distinct committed_at) > 1 or count(distinct deployment_id) < 2"
    )
    early = (
        "select count(*) from trading.fills f join trading.intents i using (client_order_id) "
        "where f.ts < i.bar_close"
    )
    signals = "select count(*) from trading.signals group by bar_close having count(*) <> 2"
    assert rows(engine, "select count(*) from trading.intents")[0][0] > 10
    assert len(rows(engine, apart)) < len(rows(engine, "select distinct bar_close from trading.intents")) / 2
    assert rows(engine, early) == [(0,)]
    assert rows(engine, signals) == []
