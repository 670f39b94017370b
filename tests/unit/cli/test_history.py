"""On which bars a backtest of the command line executes."""

import numpy as np
import pytest

from quant_pipelines.cli.history import StoredMarket
from quant_pipelines.core.bars import Bars, empty_bars
from quant_pipelines.core.funding import no_funding
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS
from quant_pipelines.trading import Specification

START, END = 1_700_006_400_000, 1_700_006_400_000 + 2 * DAY_MS


def bars(timeframe: str, step_ms: int, start_ms: int = START, hole_minutes: int = 0) -> Bars:
    ts = np.arange(start_ms, END, step_ms, dtype=np.int64)
    ts = ts[(ts < START + DAY_MS) | (ts >= START + DAY_MS + hole_minutes * MINUTE_MS)]
    price = np.full(ts.size, 100.0)
    return Bars("BTC/USDT:USDT", timeframe, ts, price, price, price, price, price)


@pytest.mark.parametrize(
    ("minutes", "executed_on"),
    [
        pytest.param(bars("1m", MINUTE_MS), "1m", id="cover the bars"),
        pytest.param(bars("1m", MINUTE_MS, hole_minutes=20), "1m", id="with a small hole"),
        pytest.param(bars("1m", MINUTE_MS, hole_minutes=60), "1h", id="with a large hole"),
        pytest.param(bars("1m", MINUTE_MS, START + MINUTE_MS), "1h", id="begin a minute late"),
        pytest.param(empty_bars("BTC/USDT:USDT", "1m"), "1h", id="are not there"),
    ],
)
def test_minutes_execute_by_the_same_rule_as_in_research(minutes: Bars, executed_on: str) -> None:
    market = StoredMarket(bars("1h", HOUR_MS), minutes, no_funding(), Specification())
    assert market.execution_bars().timeframe == executed_on


def test_market_without_bars_executes_on_nothing() -> None:
    nothing = empty_bars("BTC/USDT:USDT", "1h")
    market = StoredMarket(nothing, bars("1m", MINUTE_MS), no_funding(), Specification())
    assert len(market.execution_bars()) == 0
