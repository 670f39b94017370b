"""``--start`` is where the account begins; the strategy knows the bars before it. Holes are named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from quant_pipelines.backtest import BacktestSettings, run_backtest
from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.research.archive_source import ArchiveSource
from quant_pipelines.research.history import Window
from quant_pipelines.sdk import load_strategy, strategies_folder

Quant = Callable[..., tuple[int, Any, str]]
BTC = "BTC/USDT:USDT"
FIRST_MS = 1_700_006_400_000 // DAY_MS * DAY_MS
START_MS = FIRST_MS + 30 * DAY_MS
START = f"{from_ms(START_MS):%Y-%m-%d}"
EMA = ("backtest", "ema_cross", BTC, "--funding", "off", "--json")


def run(quant: Quant, archive: Path, *more: str) -> dict[str, Any]:
    code, document, err = quant(*EMA, "--archive", archive, *more)
    assert code == 0, err
    return dict(document)


def cut(archive: Path, *, from_ms_: int = 0, hole: tuple[int, int] = (0, 0)) -> None:
    """Leave bars out of bitcoin's file: those before a time, and those that open in a hole."""
    file = archive / "klines" / "binance_um" / "BTCUSDT-1h.parquet"
    table = pq.read_table(file)
    ts = table.column("ts").to_numpy()
    pq.write_table(table.filter((ts >= from_ms_) & ~((ts >= hole[0]) & (ts < hole[1]))), file)


def test_the_first_decision_after_start_is_that_of_a_strategy_that_was_there_before(
    quant: Quant, small_archive: Path
) -> None:
    found = run(quant, small_archive, "--start", START)
    source = load_strategy("ema_cross", strategies_folder())
    bars = ArchiveSource(small_archive, "binanceusdm").bars(BTC, "1h", Window(0, 2**60))
    warm = run_backtest(source.strategy_class(), bars, settings=BacktestSettings(trade_from_ms=START_MS))
    assert found["start"] == START
    assert found["bars"] == warm.bars == 30 * 24
    assert found["final_equity"] == warm.final_equity
    assert [trade["entry_time"] for trade in found["trades"]] == [
        f"{trade.entry_time.isoformat()}" for trade in warm.trades
    ]


def test_start_trades_days_earlier_with_bars_before_it_than_without(
    quant: Quant, small_archive: Path
) -> None:
    warm = run(quant, small_archive, "--start", START)
    cut(small_archive, from_ms_=START_MS)
    cold = run(quant, small_archive, "--start", START)
    first, late = (found["trades"][0]["entry_time"] for found in (warm, cold))
    assert first < late
    assert first.startswith(START)
    assert cold == run(quant, small_archive) | {
        "seconds": cold["seconds"]
    }  # nothing before: as from the first bar


def test_warm_up_sees_no_bar_after_a_decision(quant: Quant, small_archive: Path) -> None:
    whole = run(quant, small_archive, "--start", START)
    end = f"{from_ms(START_MS + 20 * DAY_MS):%Y-%m-%d}"
    short = run(quant, small_archive, "--start", START, "--end", end)
    ended = [trade for trade in whole["trades"] if trade["exit_time"] < end]
    assert ended
    assert short["trades"][: len(ended)] == ended


@pytest.mark.parametrize("symbols", [(BTC,), (BTC, "ETH/USDT:USDT")])
def test_several_symbols_warm_up_too(quant: Quant, small_archive: Path, symbols: tuple[str, ...]) -> None:
    code, found, _ = quant(
        "backtest", "ema_cross", *symbols, "--archive", small_archive, "--start", START, "--json"
    )
    assert code == 0
    assert {trade["entry_time"][:10] for trade in found["trades"]} >= {START}


def test_a_hole_of_days_is_named_in_text_document_and_report(
    quant: Quant, small_archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hole = FIRST_MS + 10 * DAY_MS, FIRST_MS + 15 * DAY_MS
    cut(small_archive, hole=hole)
    sentence = f"{BTC} 1h: 120 bars are missing in a hole of 5 d from {from_ms(hole[0]):%Y-%m-%d %H:%M}"
    page = tmp_path / "page.html"
    found = run(quant, small_archive, "--report", str(page))
    (told,) = found["holes"]
    assert (told["missing_bars"], told["text"]) == (120, sentence)
    assert told["ranges"] == [{"start": from_ms(hole[0]).isoformat(), "end": from_ms(hole[1]).isoformat()}]
    assert sentence in page.read_text()
    capfd.readouterr()
    assert main([*EMA[:-1], "--archive", str(small_archive)]) == 0
    assert f"hole: {sentence}" in capfd.readouterr().out


def test_bars_without_a_hole_name_none(quant: Quant, small_archive: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run(quant, small_archive, "--report", str(page))["holes"] == []
    assert "Holes" not in page.read_text()


def test_a_hole_across_the_start_is_named(quant: Quant, small_archive: Path) -> None:
    cut(small_archive, hole=(START_MS - DAY_MS, START_MS + 2 * DAY_MS))
    found = run(quant, small_archive, "--start", START)
    assert found["start"] == f"{from_ms(START_MS + 2 * DAY_MS):%Y-%m-%d}"
    assert [holes["missing_bars"] for holes in found["holes"]] == [72]
