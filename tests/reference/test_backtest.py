"""EMA-cross trade lists on which vectorbt and backtesting.py agree, reproduced on real bars."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from quant_pipelines.backtest import BacktestResult, BacktestSettings, run_backtest
from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS, to_ms
from quant_pipelines.portfolio import Fixed
from quant_pipelines.sdk import Strategy, load_strategy
from quant_pipelines.trading import TradingRules

pytestmark = pytest.mark.archive

STRATEGIES = Path(__file__).resolve().parents[2] / "strategies"
COSTS = CostSettings(fee_bps=5.0, slippage_bps=0.0)
LONG_ALL_IN = TradingRules(costs=COSTS, direction="long")
LONG_SHORT_FIXED = TradingRules(costs=COSTS, sizing=Fixed(0.1))
CASES = {
    "btc_1h_2024_ema20_50": ("1h", datetime(2025, 1, 1, tzinfo=UTC), 20, 50),
    "btc_5m_2024_0102_ema20_100": ("5m", datetime(2024, 3, 1, tzinfo=UTC), 20, 100),
}


def strategy_of(case: str) -> Strategy:
    _, _, fast, slow = CASES[case]
    return load_strategy("ema_cross", STRATEGIES).strategy_class(fast=fast, slow=slow)


def bars_of(case: str, archive: Path) -> Bars:
    timeframe, end, _, _ = CASES[case]
    table = parquet.read_table(archive / "klines" / "binance_um" / f"BTCUSDT-{timeframe}.parquet")
    columns = {name: table[name].to_numpy() for name in ("ts", "open", "high", "low", "close", "volume")}
    bars = bars_from_columns("BTC/USDT:USDT", timeframe, columns)
    return bars.between(to_ms(datetime(2024, 1, 1, tzinfo=UTC)), to_ms(end))


def backtest(
    case: str, archive: Path, rules: TradingRules, funding: FundingSeries | None = None
) -> BacktestResult:
    settings = BacktestSettings(rules=rules, has_stops=False)
    return run_backtest(strategy_of(case), bars_of(case, archive), settings=settings, funding=funding)


def published(reference: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((reference / "reference.json").read_text())["backtest"]
    return document


def trade_list(reference: Path, name: str) -> list[dict[str, str]]:
    with (reference / "ref" / f"bt_{name}_trades.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("case", CASES)
def test_long_only_trades_equal_the_published_list(case: str, archive: Path, reference: Path) -> None:
    expected = trade_list(reference, f"{case}_long")
    trades = backtest(case, archive, LONG_ALL_IN).trades
    assert [to_ms(trade.entry_time) for trade in trades] == [int(row["entry_ts"]) for row in expected]
    assert [to_ms(trade.exit_time) for trade in trades] == [int(row["exit_ts"]) for row in expected]
    for name, column in (("entry_price", "entry_price"), ("exit_price", "exit_price")):
        prices = [getattr(trade, name) for trade in trades]
        assert prices == [float(row[column]) for row in expected]
    # The reference sizes at the fill's own price; here the quantity is fixed at the close before it.
    quantities = [trade.quantity for trade in trades]
    assert quantities == pytest.approx([float(row["qty"]) for row in expected], rel=2e-4)


@pytest.mark.parametrize("case", CASES)
def test_long_only_result_equals_the_published_one(case: str, archive: Path, reference: Path) -> None:
    expected = published(reference)["cases"][case]["long_only"]
    result = backtest(case, archive, LONG_ALL_IN)
    assert result.bars == expected["bars"]
    assert result.final_equity == pytest.approx(expected["final_equity"], rel=5e-6)
    assert result.fees_paid == pytest.approx(expected["total_fees"], rel=1e-4)
    assert result.metrics["max_drawdown"] == pytest.approx(expected["max_drawdown_close"], rel=1e-5)
    assert result.metrics["win_rate"] == pytest.approx(expected["win_rate"], rel=1e-12)
    assert result.metrics["profit_factor"] == pytest.approx(expected["profit_factor"], rel=1e-4)
    assert (result.open_position is None) == (expected["open_at_end"] is None)


@pytest.mark.parametrize("case", CASES)
def test_long_short_fixed_equals_the_published_one(case: str, archive: Path, reference: Path) -> None:
    expected = published(reference)["cases"][case]["long_short_fixed"]
    rows = trade_list(reference, f"{case}_ls")
    bars = bars_of(case, archive)
    result = backtest(case, archive, LONG_SHORT_FIXED)
    entry_bars = np.searchsorted(bars.ts, [to_ms(trade.entry_time) for trade in result.trades])
    assert entry_bars.tolist() == [int(row["entry_bar"]) for row in rows]
    assert [trade.side for trade in result.trades] == [row["side"] for row in rows]
    pnl = [trade.pnl for trade in result.trades]
    assert pnl == pytest.approx([float(row["pnl_net"]) for row in rows], abs=1e-9)
    assert result.final_equity == pytest.approx(expected["final_equity"], rel=1e-12)
    assert result.fees_paid == pytest.approx(expected["total_fees"], rel=1e-12)
    assert result.open_position is not None
    assert result.open_position.quantity == expected["end_position"]


def test_funding_equals_the_published_one(archive: Path, reference: Path) -> None:
    expected = published(reference)["funding_variant"]
    table = parquet.read_table(archive / "funding" / "binance_um" / "BTCUSDT-with-mark.parquet")
    stamps = table["ts"].to_numpy()
    funding = FundingSeries(
        stamps - stamps % HOUR_MS, table["rate"].to_numpy(), table["mark_price"].to_numpy()
    )
    result = backtest("btc_1h_2024_ema20_50", archive, LONG_SHORT_FIXED, funding)
    assert -result.funding_paid == pytest.approx(expected["funding_pnl"], rel=1e-12)
    assert result.final_equity == pytest.approx(expected["final_equity"], rel=1e-12)
    assert result.mark_fallbacks == 0
