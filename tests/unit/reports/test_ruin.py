"""What pages and the command line say of a run of which nothing was left."""

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings, run_backtest
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.account.run import run_account
from quant_pipelines.cli.backtest_run import document_of
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS, day_start_ms
from quant_pipelines.portfolio import AllIn
from quant_pipelines.reports.backtest import render_backtest
from quant_pipelines.reports.comparison import render_comparison
from quant_pipelines.reports.ruin import ruin_sentences
from quant_pipelines.reports.run import BacktestRun
from quant_pipelines.sdk import Array, Strategy
from quant_pipelines.trading import TradingRules
from tests.unit.reports.conftest import ReadPage

ENDED = "Bankrupt in the bar of 2025-03-03 00:00 UTC: trading ended there."


class Short(Strategy):
    """Sold from the first bar on."""

    def target(self, bars: Bars) -> Array:
        return np.full(len(bars), -1.0)


def bars_of(prices: tuple[float, ...], symbol: str = "LUNA/USDT:USDT") -> Bars:
    close = np.repeat(np.array(prices), 48)
    ts = day_start_ms("2025-03-01") + HOUR_MS * np.arange(close.size, dtype=np.int64)
    return Bars(symbol, "1h", ts, close, close, close, close, np.ones(close.size))


def run_of(*bars: Bars, fraction: float = 1.0) -> BacktestRun:
    rules = TradingRules(costs=CostSettings(0.0, 0.0, 0.0), sizing=AllIn(fraction), rebalance_band=1.0)
    strategy, settings = Short(), BacktestSettings(rules=rules)
    if len(bars) == 1:
        result = run_backtest(strategy, bars[0], settings=settings)
    else:
        result = run_account([Allocation(strategy, one, 1.0 / len(bars)) for one in bars], settings=settings)
    return BacktestRun("short", "0123456789abcdef", {}, result, bars, bars, rules)


@pytest.fixture(scope="module")
def ruined() -> BacktestRun:
    return run_of(bars_of((100.0, 350.0, 50.0, 50.0)))


def test_page_says_when_a_run_went_bankrupt_and_every_figure_agrees(ruined: BacktestRun) -> None:
    page = render_backtest(ruined)
    assert ENDED in page
    read = ReadPage(page)
    assert read.facts["Capital"] == "10,000.00 at the start, 0.00 at the end"
    assert read.facts["Still open"] == "nothing"
    rows = read.table("measure")
    assert rows["Total return"][0] == rows["Deepest drawdown"][0] == "-100.00 %"
    assert rows["Round trips"][0] == "1"


def test_document_says_when_a_run_went_bankrupt(ruined: BacktestRun) -> None:
    document = document_of(ruined)
    assert f"{document['bankrupt_at']:%Y-%m-%d %H:%M}" == "2025-03-03 00:00"
    assert document["final_equity"] == 0.0
    assert [trade["pnl"] for trade in document["trades"]] == [-10_000.0]
    solvent = run_of(bars_of((100.0, 90.0)))
    assert document_of(solvent)["bankrupt_at"] is None
    assert ruin_sentences(solvent.result) == []


def test_comparison_says_which_run_went_bankrupt(ruined: BacktestRun) -> None:
    assert f"short: {ENDED}" in render_comparison([ruined, ruined])


def test_page_of_an_account_names_who_paid_for_a_book() -> None:
    run = run_of(bars_of((100.0, 230.0), "A/USDT:USDT"), bars_of((50.0, 50.0), "B/USDT:USDT"))
    sentence = "Book 1 Short A/USDT:USDT lost 1,500.00 more than its own capital; paid 1,500.00 by 2 Short B"
    assert sentence in render_backtest(run)
    (short,) = document_of(run)["shortfalls"]
    assert short == {
        "book": "1 Short A/USDT:USDT",
        "amount": pytest.approx(1_500.0),
        "paid_by": {"2 Short B/USDT:USDT": pytest.approx(1_500.0)},
    }
