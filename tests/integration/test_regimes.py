"""Regimes are stored hour by hour, as they were told, and strategies read them as of their time."""

import numpy as np
import pytest
from sqlalchemy import Engine, text

from quant_pipelines.core.asof import KnownPoints
from quant_pipelines.core.bars import BarRows, Bars
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS
from quant_pipelines.hotlist.regime import KNOWN_AFTER_MS, regime_path
from quant_pipelines.marketdata.regimes import follow_regimes
from quant_pipelines.sdk import Inputs, Strategy
from quant_pipelines.sdk.attach import attach_inputs
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.known_points import read_points

pytestmark = pytest.mark.postgres
BTC, EXCHANGE = "BTC/USDT:USDT", "binanceusdm"
START_MS = 20_000 * DAY_MS
OPENS = START_MS + HOUR_MS * np.arange(20 * 24, dtype=np.int64)
CLOSES = 100.0 * np.exp(np.cumsum(0.01 * np.random.default_rng(2).standard_normal(OPENS.size)))


def store(engine: Engine, first: int, end: int) -> None:
    close, ones = CLOSES[first:end], np.ones(end - first)
    rows = BarRows(OPENS[first:end], close, close, close, close, ones, ones, np.ones(end - first, dtype=int))
    upsert_bars(engine, Series(EXCHANGE, BTC, "1h"), rows)


def follow(engine: Engine, hour: int) -> int:
    return follow_regimes(engine, EXCHANGE, [BTC], int(OPENS[0]) + hour * HOUR_MS + MINUTE_MS)[BTC]


def test_hours_are_added_once_and_equal_one_pass(engine: Engine) -> None:
    store(engine, 0, 400)
    assert follow(engine, 400) == 400 - 15 * 24
    store(engine, 400, 480)
    assert (follow(engine, 480), follow(engine, 480)) == (80, 0)
    stored = read_points(engine, EXCHANGE, BTC, "trend", Window(0, int(OPENS[-1]) + DAY_MS))
    path = regime_path(OPENS, CLOSES)
    assert (stored.ts.tolist(), stored.values.tolist()) == (path.ts.tolist(), path.trend.tolist())
    assert (stored.known_at - stored.ts == KNOWN_AFTER_MS).all()


def test_what_was_told_stays_when_bars_are_revised(engine: Engine) -> None:
    store(engine, 0, 400)
    follow(engine, 400)
    query = text("select ts, turbulence, trend from market.regimes order by ts")
    with engine.connect() as connection:
        before = connection.execute(query).all()
        connection.execute(text("update market.bars set close = close * 1.5 where close > 100"))
        connection.commit()
    assert follow(engine, 400) == 0
    with engine.connect() as connection:
        assert connection.execute(query).all() == before


class Follower(Strategy):
    inputs = Inputs(regime=True)


def test_a_strategy_reads_the_newest_regime_known_at_each_close(engine: Engine) -> None:
    store(engine, 0, 480)
    follow(engine, 480)

    class Source:
        def points(self, symbol: str, name: str, start_ms: int, end_ms: int) -> KnownPoints:
            return read_points(engine, EXCHANGE, symbol, name, Window(start_ms, end_ms))

        def own_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
            raise AssertionError

    ts, close = OPENS[-24:], CLOSES[-24:]
    bars = Bars(BTC, "1h", ts, close, close, close, close, np.ones(24))
    read = attach_inputs(Follower, bars, Source())
    path = regime_path(OPENS, CLOSES)
    # At an hour's end its own regime is not known yet.
    assert read.turbulence.tolist() == path.turbulence[-25:-1].tolist()
    assert read.trend.tolist() == path.trend[-25:-1].tolist()
