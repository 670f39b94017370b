"""A running strategy reads what is stored and known, never what becomes known later."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, insert

from live_runner.book.inputs import LiveInputs
from live_runner.book.plan import plan_of
from live_runner.feed.series import BarSeries
from quant_pipelines.backtest import BacktestSettings, run_event_backtest
from quant_pipelines.core.asof import KnownPoints, no_points
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, to_ms
from quant_pipelines.exchange import OpenInterest
from quant_pipelines.sdk import attach_inputs
from quant_pipelines.sdk.loading import compile_strategy
from quant_pipelines.store.market import save_open_interest
from quant_pipelines.store.postgres_journal import PostgresMarket
from quant_pipelines.store.tables import funding_rates
from quant_pipelines.trading import Specification
from tests.in_process import in_process
from tests.integration.runner.conftest import RULES
from tests.integration.runner.replay import ReplaySource, roll_up
from tests.integration.runner.world import (
    DEPLOYED,
    HISTORY_START,
    N_BARS,
    SWITCH,
    SYMBOL,
    recording,
    rows,
    world,
)
from tests.unit.live_runner.test_races import DEPLOYMENT

pytestmark = pytest.mark.postgres

PLACE = {"history_start": HISTORY_START, "created_at": DEPLOYED}
MINUTE = timedelta(minutes=1)
MIDNIGHT = DEPLOYED + timedelta(hours=2)

CARRY = '''
import numpy as np
from quant_pipelines.sdk import Array, Bars, Inputs, Strategy


class Carry(Strategy):
    """Against funding, flat while it is unknown."""

    inputs = Inputs(funding=True)

    def target(self, bars: Bars) -> Array:
        return np.nan_to_num(-np.sign(bars.funding_rate))
'''

QUARTERS = '''
import numpy as np
from quant_pipelines.indicators import ema
from quant_pipelines.sdk import Array, Bars, Inputs, Int, Strategy


class Quarters(Strategy):
    """Side of the trend of 15-minute bars while interest is low, less while funding is positive."""

    inputs = Inputs(funding=True, open_interest=True, mark=True, timeframes=("15m",))
    window = Int(3, low=2, high=4)

    def target(self, bars: Bars) -> Array:
        slow = bars.on("15m")
        trend = np.nan_to_num(np.sign(bars.close - slow.at(ema(slow.bars.close, self.window))))
        assert np.isnan(bars.mark_close).all()
        is_low = bars.open_interest < 1030.0
        return np.where(bars.funding_rate > 0.0, 0.5, 1.0) * np.where(is_low, trend, 0.0)
'''


def pay(engine: Engine, slot: datetime, rate: float, known: datetime) -> None:
    key = {"exchange": "binanceusdm", "symbol": SYMBOL}
    with engine.begin() as connection:
        connection.execute(insert(funding_rates).values(**key, ts=slot, rate=rate, available_at=known))


def targets(engine: Engine) -> dict[datetime, float]:
    return dict(rows(engine, "select bar_close, target from trading.signals order by 1"))


def journal(engine: Engine, at: datetime) -> dict[str, Any] | None:
    query = "select decision -> 'inputs' from trading.signals where bar_close = :at"
    found: dict[str, Any] | None = rows(engine, query, at=at)[0][0]
    return found


def test_a_strategy_decides_with_the_rate_that_arrived_and_not_with_one_that_is_available_later(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(CARRY, **PLACE)
    slot, late_slot = DEPLOYED - timedelta(hours=6), DEPLOYED - timedelta(hours=1)
    known = DEPLOYED + timedelta(hours=1)
    pay(engine, slot, 0.001, slot)
    pay(engine, late_slot, -0.002, known)
    asyncio.run(world(engine, database_url).play())
    decided = targets(engine)
    assert {target for at, target in decided.items() if at < known} == {-1.0}
    assert {target for at, target in decided.items() if known <= at <= MIDNIGHT} == {1.0}
    before, after = (journal(engine, at) for at in (known - timedelta(minutes=1), known))
    assert before == {"funding_rate": {"value": 0.001, "age_seconds": 25_140.0}}
    assert after == {"funding_rate": {"value": -0.002, "age_seconds": 7_200.0}}


def test_a_payment_that_the_runner_saw_itself_is_known_before_anybody_stores_it(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(CARRY, **PLACE)
    asyncio.run(world(engine, database_url).play())
    decided = targets(engine)
    assert {target for at, target in decided.items() if at <= MIDNIGHT} == {0.0}
    assert {target for at, target in decided.items() if at > MIDNIGHT} == {-1.0}
    assert journal(engine, MIDNIGHT) == {"funding_rate": {"value": None, "age_seconds": None}}


def test_a_rate_that_is_too_old_is_unknown_and_its_age_is_journaled(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(CARRY, **PLACE)
    slot = DEPLOYED - timedelta(hours=23, minutes=30)
    pay(engine, slot, 0.001, slot)
    asyncio.run(world(engine, database_url, n_bars=180).play())
    decided = targets(engine)
    last_fresh = slot + timedelta(days=1)
    assert decided[last_fresh] == -1.0
    assert decided[last_fresh + timedelta(minutes=1)] == 0.0
    told = journal(engine, last_fresh + timedelta(minutes=1))
    assert told == {"funding_rate": {"value": None, "age_seconds": 86_460.0}}


def test_a_row_that_comes_late_is_read_by_the_next_decision_and_one_for_later_is_not(engine: Engine) -> None:
    series = BarSeries(SYMBOL, "1m", to_ms(HISTORY_START))
    series.extend(recording(121).bars[SYMBOL])
    plan = plan_of(replace(DEPLOYMENT, source=CARRY, symbol=SYMBOL), in_process)
    live = LiveInputs(PostgresMarket(engine), plan, series)
    slot, close = DEPLOYED - timedelta(hours=6), DEPLOYED + timedelta(minutes=1)
    rates = []
    for moment, rate, known in ((slot, 0.1, slot), (DEPLOYED, 0.2, DEPLOYED), (close, 0.3, close + MINUTE)):
        pay(engine, moment, rate, known)
        rates.append(float(live.attach(series.bars)[0].funding_rate[-1]))
    assert rates == pytest.approx([0.1, 0.2, 0.2])


def test_a_strategy_that_declares_nothing_has_no_inputs_in_its_journal(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(SWITCH, **PLACE)
    asyncio.run(world(engine, database_url, n_bars=125).play())
    assert rows(engine, "select count(*) from trading.signals where decision ? 'inputs'") == [(0,)]


def interest_of(start_ms: int, end_ms: int) -> KnownPoints:
    """Open interest every five minutes, a wave; each value is told five minutes later."""
    ts = np.arange(to_ms(HISTORY_START), to_ms(HISTORY_START) + 7 * HOUR_MS, 5 * MINUTE_MS)
    values = 1000.0 + 100.0 * np.sin(np.arange(ts.size) / 3.0)
    return KnownPoints(ts, ts + 5 * MINUTE_MS, values).between(start_ms, end_ms)


class Telling(ReplaySource):
    """An exchange that tells open interest once it is known, and no prices."""

    async def open_interest(self, symbol: str, window: Window) -> list[OpenInterest]:
        points = interest_of(window.start_ms, window.end_ms)
        points = points.where(points.known_at <= self._time.now_ms())
        return [
            OpenInterest(ts, value)
            for ts, value in zip(points.ts.tolist(), points.values.tolist(), strict=True)
        ]

    async def mark_prices(self, *_: object) -> list[object]:
        raise ExchangeUnavailable("the replayed exchange tells no mark prices")


class Recorded:
    """Inputs of the recording, as a backtest reads them."""

    def __init__(self) -> None:
        self._market = recording()

    def points(self, symbol: str, name: str, start_ms: int, end_ms: int) -> KnownPoints:
        if name == "open_interest":
            return interest_of(start_ms, end_ms)
        paid = self._market.funding[SYMBOL]
        points = KnownPoints(paid.ts, paid.ts, paid.rate) if name == "funding_rate" else no_points()
        return points.between(start_ms, end_ms)

    def own_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        return roll_up(self._market.bars[SYMBOL], timeframe).between(start_ms, end_ms)


def test_live_books_of_a_strategy_with_inputs_equal_the_event_backtest_to_the_bit(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(QUARTERS, **PLACE)
    played = world(engine, database_url)
    played.source = Telling(recording(), played.time)
    before = interest_of(0, to_ms(DEPLOYED) - 5 * MINUTE_MS)
    rows_before = list(zip(before.ts.tolist(), before.values.tolist(), strict=True))
    save_open_interest(engine, "binanceusdm", SYMBOL, rows_before)
    asyncio.run(played.play())
    strategy, market = compile_strategy("quarters", QUARTERS).strategy_class(), recording()
    expected = run_event_backtest(
        strategy,
        attach_inputs(type(strategy), market.bars[SYMBOL], Recorded()),
        settings=BacktestSettings(
            rules=replace(RULES, specification=Specification(0.001, 5.0)), trade_from_ms=to_ms(DEPLOYED)
        ),
        funding=market.funding[SYMBOL],
    )
    equity = [row[0] for row in rows(engine, "select equity from trading.equity order by ts")]
    decided = np.array(list(targets(engine).values()))
    told = journal(engine, MIDNIGHT)
    assert told is not None
    assert told["open_interest"]["age_seconds"] == 300.0
    assert told["mark_close"] == {"value": None, "age_seconds": None}
    assert told["15m"] == {"bar": (MIDNIGHT - timedelta(minutes=15)).isoformat()}
    assert len(equity) == N_BARS - 120
    assert equity == expected.bar_equity.tolist()
    assert {0.0, 0.5, 1.0} <= set(np.abs(decided))
