"""Charts of the console: which fills are entries, what stands where, and that values are told exactly."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.gateway.console.figures import (
    MOST_CANDLES,
    candle_chart,
    curve_of,
    drawdown_chart,
    equity_chart,
    fill_marks,
    without_payments,
)
from quant_pipelines.gateway.reading_models import FillView

START = datetime(2025, 6, 1, tzinfo=UTC)
HOUR_MS = 3_600_000


def fill(side: Any, quantity: str, hour: int) -> FillView:
    at = START + timedelta(hours=hour)
    told: dict[str, Any] = {"venue": "paper", "symbol": "BTC/USDT:USDT", "trade_id": f"t{hour}", "part": 0}
    told |= {"client_order_id": None, "deployment_id": 1, "strategy": "x", "fee": "0", "reason": "hard_stop"}
    return FillView(
        **told, side=side, quantity=quantity, price="100.5", ts=at, booked_at=at, realized_pnl=None
    )


def bars_of(count: int) -> Bars:
    ts = int(START.timestamp()) * 1000 + HOUR_MS * np.arange(count)
    close = 100.0 + np.sin(np.arange(count) / 5.0)
    columns = {"ts": ts, "open": close, "high": close + 1, "low": close - 1, "close": close + 0.123456789}
    return bars_from_columns("BTC/USDT:USDT", "1h", columns | {"volume": close})


def test_a_fill_that_grows_a_position_is_an_entry_and_one_that_shrinks_it_an_exit() -> None:
    newest_first = [fill("sell", "3", 4), fill("sell", "2", 3), fill("buy", "1", 2), fill("buy", "1", 1)]
    marks = fill_marks(newest_first, Decimal(-3))
    assert [mark.sign for mark in marks] == ["▼", "✕", "▲", "▲"]
    assert marks[1].hint == "exit: sell 2 at 100.5, 2025-06-01 03:00, hard stop"


def test_candles_tell_their_prices_exactly_and_stops_from_each_close_on() -> None:
    bars = bars_of(30)
    stops = curve_of(bars.close_ts.tolist(), [np.nan, *np.linspace(98.0, 99.0, 29)])
    drawn = candle_chart("BTC", bars, stops, fill_marks([fill("buy", "1", 3)], Decimal(1)))
    prices = re.search(r'data-ohlc="([^"]*)"', drawn)
    assert prices is not None
    told = np.array([float(one) for one in prices.group(1).split()]).reshape(-1, 4)
    assert np.allclose(told[:, 3], bars.close, rtol=1e-9)
    assert 'data-name="stop"' in drawn
    assert drawn.count("▲") == 1
    assert "style=" not in drawn


def test_a_stop_stands_until_the_next_one_and_its_line_never_goes_back() -> None:
    bars = bars_of(3)
    minutes = int(bars.ts[0]) + 60_000 * np.arange(181)
    drawn = candle_chart("BTC", bars, curve_of(minutes.tolist(), np.linspace(98.0, 99.0, 181).tolist()), [])
    path = re.search(r'<path class="line dotted" d="M([^"]*)"', drawn)
    assert path is not None
    x = np.array([float(one.split()[0]) for one in path.group(1).split("L")])
    assert (np.diff(x) >= 0).all()
    assert (x[0], x[-1]) == (0.0, 1000.0)


def test_fills_of_the_bar_that_is_not_closed_yet_are_marked() -> None:
    bars = bars_of(3)
    nothing = curve_of([], [])
    assert "▲" in candle_chart("BTC", bars, nothing, fill_marks([fill("buy", "1", 3)], Decimal(1)))
    assert "▲" not in candle_chart("BTC", bars, nothing, fill_marks([fill("buy", "1", 5)], Decimal(1)))


def test_the_most_candles_of_a_view_stay_below_half_a_megabyte() -> None:
    bars = bars_of(MOST_CANDLES)
    drawn = candle_chart("BTC", bars, curve_of([], []), [])
    assert 100_000 < len(drawn) < 500_000


def test_a_drawdown_and_an_equity_say_their_ends_to_who_can_not_see_them() -> None:
    curve = curve_of([0, HOUR_MS, 2 * HOUR_MS], [100.0, 80.0, 90.0])
    assert "From 100.00 to 90.00." in equity_chart("Equity", curve)
    assert "Deepest -20.00 %." in drawdown_chart("Below its peak", curve)


def test_capital_that_was_taken_out_is_no_drawdown_and_a_loss_beside_it_is() -> None:
    hours = [HOUR_MS * at for at in range(5)]
    worth = curve_of(hours, [1000.0, 600.0, 540.0, 0.0, 500.0])
    paid = curve_of([HOUR_MS // 2, 2 * HOUR_MS, 3 * HOUR_MS + 60_000], [-400.0, -540.0, 500.0])
    assert without_payments(worth, paid).values.tolist() == [1000.0, 1000.0, 900.0, 900.0, 900.0]
    assert without_payments(worth, curve_of([], [])).values[:3].tolist() == worth.values[:3].tolist()
    assert not without_payments(curve_of([], []), paid).values.size


def test_what_is_paid_at_a_close_works_from_there_on() -> None:
    worth = curve_of([0, HOUR_MS], [1000.0, 210.0])
    assert without_payments(worth, curve_of([0], [-800.0])).values.tolist() == [1000.0, 1050.0]
    assert without_payments(worth, curve_of([HOUR_MS], [-100.0])).values.tolist() == [1000.0, 210.0]
