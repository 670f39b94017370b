"""Mark prices, specifications and order books, from a real database to the result of a backtest."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest
from sqlalchemy import Engine

from quant_pipelines.backtest import BacktestSettings, run_backtest
from quant_pipelines.backtest.market.marks import MarkUse
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.points import PricePoint
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, day_start_ms, from_ms
from quant_pipelines.research.database_source import DatabaseSource
from quant_pipelines.research.fill_inputs import NO_FILL_INPUTS
from quant_pipelines.sdk import Array, Strategy
from quant_pipelines.store.market import save_index_prices, save_instruments, save_mark_prices
from quant_pipelines.store.market_events import save_book
from quant_pipelines.trading import Bracket, Execution, TradingRules

pytestmark = pytest.mark.postgres

EXCHANGE, BTC = "binanceusdm", "BTC/USDT:USDT"
START = day_start_ms("2024-05-01")
N = 12
LISTED = Instrument(
    EXCHANGE, BTC, Decimal("0.1"), Decimal(1), Decimal(5), Decimal("0.0002"), Decimal("0.0005"), 20, 8
)


class Flipping(Strategy):
    """Long and flat by turns."""

    def target(self, bars: Bars) -> Array:
        return (np.arange(len(bars)) % 2 == 0).astype(np.float64)


def hours() -> Bars:
    price = np.full(N, 100.0)
    ts = START + HOUR_MS * np.arange(N, dtype=np.int64)
    return Bars(BTC, "1h", ts, price, price, price, price, np.full(N, 1e6))


def filled(engine: Engine) -> None:
    """Mark for the first four hours, index for six, a finer lot from the sixth hour on, one order book."""
    save_mark_prices(engine, EXCHANGE, BTC, [PricePoint(START + hour * HOUR_MS, 100.0) for hour in range(4)])
    save_index_prices(engine, EXCHANGE, BTC, [PricePoint(START + hour * HOUR_MS, 99.0) for hour in range(6)])
    save_instruments(engine, [LISTED], from_ms(START - HOUR_MS))
    save_instruments(engine, [replace(LISTED, lot_size=Decimal(30))], from_ms(START + 6 * HOUR_MS))
    known = START + HOUR_MS - MINUTE_MS
    book = SimpleNamespace(
        ts=known - 50,
        bids=[(99.0, 5.0), (98.0, 500.0)],
        asks=[(101.0, 5.0), (103.0, 500.0)],
        received_ms=known,
    )
    save_book(engine, EXCHANGE, BTC, book)


def test_stored_inputs_decide_the_fills_of_their_time(engine: Engine) -> None:
    filled(engine)
    inputs = DatabaseSource(engine, EXCHANGE).fill_inputs(BTC, Window(START, START + N * HOUR_MS))
    rules = TradingRules(execution=Execution(brackets=(Bracket(0.0, 0.01),), leverage=2.0))
    result = run_backtest(
        Flipping(),
        hours(),
        settings=BacktestSettings(capital=5_050.0, rules=rules, specifications=inputs.specifications),
        mark=inputs.mark,
        depth=inputs.depth,
    )
    first, *_, last = result.trades
    quantity = first.quantity
    walked = 100.0 * (1.0 + (5.0 * 0.01 + (quantity - 5.0) * 0.03) / quantity)
    assert first.entry_price == pytest.approx(walked)
    assert result.depth_fallbacks == 2 * len(result.trades) - 2  # known at 01:00 and 02:00
    assert last.quantity == 30.0
    assert quantity == 50.0
    assert result.mark_use == MarkUse(0, 2, 4, 6)
    assert "specifications as of a date" not in result.not_modelled
    assert any("at the open of 4 of 12 bars" in text for text in result.not_modelled)


def test_symbol_of_which_nothing_is_stored_has_no_inputs(engine: Engine) -> None:
    inputs = DatabaseSource(engine, EXCHANGE).fill_inputs(BTC, Window(START, START + HOUR_MS))
    assert (inputs.mark, inputs.depth, inputs.specifications) == (
        NO_FILL_INPUTS.mark,
        NO_FILL_INPUTS.depth,
        NO_FILL_INPUTS.specifications,
    )
