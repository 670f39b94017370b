"""Decision points and funding of a prepared market."""

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.backtest.market.market import SymbolFeed, decision_rows, prepare_market
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS


def bars_at(minutes: list[int], timeframe: str = "1m", symbol: str = "BTC/USDT:USDT") -> Bars:
    ts = MINUTE_MS * np.array(minutes, dtype=np.int64)
    price = 100.0 + np.arange(ts.size, dtype=np.float64)
    return Bars(symbol, timeframe, ts, price, price, price, price, np.ones(ts.size))


def test_every_bar_of_the_own_timeframe_decides() -> None:
    bars = bars_at([0, 1, 2, 3])
    assert decision_rows(bars, bars.rows(1, 4)).tolist() == [1, 2, 3]


def test_coarse_bars_decide_where_they_close() -> None:
    coarse = bars_at([0, 5], "5m")
    assert decision_rows(coarse, bars_at(list(range(12)))).tolist() == [-1] * 4 + [0] + [-1] * 4 + [1, -1, -1]


def test_missing_execution_bar_moves_the_decision_to_the_next_one() -> None:
    coarse = bars_at([0, 5], "5m")
    assert decision_rows(coarse, bars_at([0, 1, 5, 6])).tolist() == [-1, -1, 0, -1]


def test_first_execution_bar_decides_on_what_closed_before_it_as_a_fresh_deployment_does() -> None:
    coarse = bars_at([0, 5, 10], "5m")
    assert decision_rows(coarse, bars_at([6, 7, 8, 9])).tolist() == [0, -1, -1, 1]


def test_slot_is_paid_at_the_first_open_at_or_after_it() -> None:
    bars = bars_at([0, 1, 2, 10])
    funding = FundingSeries(
        MINUTE_MS * np.array([-5, 1, 5, 10, 11]), np.array([9.0, 1.0, 2.0, 4.0, 9.0]), np.full(5, 10.0)
    )
    market = prepare_market(bars, BacktestSettings(), SymbolFeed(funding=funding))
    assert market.payments.bar.tolist() == [1, 3]
    assert market.payments.at_open.tolist() == [10.0, 60.0]
    assert (market.payments.inside.tolist(), market.payments.at_end) == ([0.0, 0.0], 90.0)


def test_unknown_mark_price_is_the_last_close_and_counted() -> None:
    bars = bars_at([0, 1, 2])
    funding = FundingSeries(MINUTE_MS * np.array([2]), np.array([0.5]), np.array([np.nan]))
    market = prepare_market(bars, BacktestSettings(), SymbolFeed(funding=funding))
    assert (market.payments.at_open.tolist(), market.payments.use.close) == ([50.5], 1)


def test_days_without_bars_count() -> None:
    market = prepare_market(bars_at([0, 3 * 24 * 60]), BacktestSettings())
    assert (market.first_day, market.n_days) == (0, 4)


@pytest.mark.parametrize(
    ("execution", "trade_from", "sentence"),
    [
        (None, HOUR_MS, "no bars of BTC/USDT:USDT 5m in the test window; expected some"),
        (bars_at([0], "1h"), None, "execution timeframe is 1h; expected 5m or finer"),
        (
            bars_at([0], symbol="ETH/USDT:USDT"),
            None,
            "execution bars are of ETH/USDT:USDT; expected BTC/USDT:USDT",
        ),
    ],
)
def test_market_that_cannot_be_played_is_refused(
    execution: Bars | None, trade_from: int | None, sentence: str
) -> None:
    settings = BacktestSettings(trade_from_ms=trade_from)
    with pytest.raises(BacktestError, match=sentence):
        prepare_market(bars_at([0, 5], "5m"), settings, SymbolFeed(execution))
