"""Own bars of the exchange beside our roll-ups."""

import asyncio
from dataclasses import fields, replace
from typing import Any

import numpy as np

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms, timeframe_ms
from quant_pipelines.marketdata.ingest import Ingestion
from quant_pipelines.marketdata.own_bars import OWN_TIMEFRAMES, completed, fetch_own_bars

DAY = day_start_ms("2024-03-15")
DAYS = ["2024-03-15", "2024-03-16", "2024-03-18"]


def bars(count: int, step_ms: int, start_ms: int = DAY) -> BarRows:
    ts = start_ms + step_ms * np.arange(count, dtype=np.int64)
    price = 100.0 + np.sin(ts / 7e6)
    flow = np.array(0.1 + np.arange(count) % 3, dtype=np.float64)
    return BarRows(ts, price, price + 1, price - 1, price + 0.5, flow, flow * price, np.ones(count, np.int64))


def without(rows: BarRows, positions: list[int]) -> BarRows:
    return BarRows(**{one.name: np.delete(getattr(rows, one.name), positions) for one in fields(rows)})


def changed(rows: BarRows, name: str, position: int, factor: float) -> BarRows:
    column = getattr(rows, name).copy()
    column[position] *= factor
    return replace(rows, **{name: column})


class Recorder:
    """Exchange that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int, int]] = []

    async def bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        self.asked.append((symbol, timeframe, window.start_ms, window.end_ms))
        step_ms = timeframe_ms(timeframe)
        return bars((window.end_ms - window.start_ms) // step_ms, step_ms, window.start_ms)


def fetch(days: list[str], now_ms: int) -> tuple[Any, Recorder]:
    source: Any = Recorder()
    market = Ingestion(source, engine=None, exchange="binanceusdm")  # type: ignore[arg-type]
    return asyncio.run(fetch_own_bars(market, ["BTC/USDT:USDT"], days, lambda: now_ms)), source


def test_days_that_are_over_are_asked_for_in_runs() -> None:
    own, source = fetch(DAYS, DAY + 4 * DAY_MS)
    assert own.days == tuple(DAYS)
    assert len(source.asked) == 2 * len(OWN_TIMEFRAMES)
    assert len(own.between("BTC/USDT:USDT", "1h", Window(DAY, DAY + 9 * DAY_MS))) == 72


def test_day_that_still_grows_costs_no_request() -> None:
    own, source = fetch(["2024-03-15"], DAY + DAY_MS - 1)
    assert (own.days, source.asked) == ((), [])
    assert len(own.between("BTC/USDT:USDT", "1h", Window(DAY, DAY + DAY_MS))) == 0


def test_series_that_was_not_asked_for_has_no_bars() -> None:
    own, _ = fetch(DAYS, DAY + 4 * DAY_MS)
    assert len(own.between("BTC/USDT:USDT", "15m", Window(DAY, DAY + DAY_MS))) == 0


def test_own_bars_stand_in_only_where_there_is_no_roll_up() -> None:
    own = bars(24, HOUR_MS)
    rolled = changed(without(own, [0, 1, 7]), "close", 5, 1.5)
    whole = completed(rolled, own)
    assert (whole.ts == own.ts).all()
    assert (whole.close == own.close).sum() == 23
    assert whole.trades.dtype == np.int64


def test_nothing_of_its_own_leaves_the_roll_ups() -> None:
    rolled = bars(5, HOUR_MS)
    whole = completed(rolled, bars(0, HOUR_MS))
    assert all((getattr(whole, one.name) == getattr(rolled, one.name)).all() for one in fields(rolled))
