"""Real exchange history through the same commands, where it is there."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.timeframes import to_ms

BTC = "BTC/USDT:USDT"
pytestmark = pytest.mark.archive


def answer(capfd: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    document: dict[str, Any] = json.loads(capfd.readouterr().out)
    return document


def test_backtest_on_real_hours_reports_what_it_did(capfd: pytest.CaptureFixture[str], archive: Path) -> None:
    document = answer(capfd, "backtest", "ema_cross", BTC, "--timeframe", "1h", "--archive", str(archive))
    assert document["bars"] > 20_000
    assert document["trades"]
    assert document["funding_paid"] != 0.0
    assert document["final_equity"] == pytest.approx(
        10_000.0 * (1.0 + document["metrics"]["total_return"]), rel=1e-9
    )


YEAR = (
    *(
        "--timeframe",
        "1h",
        "--start",
        "2024-01-01",
        "--end",
        "2025-01-01",
        "--set",
        "fast=20",
        "--set",
        "slow=50",
    ),
    *("--direction", "long", "--stops", "off", "--slippage-bps", "0", "--funding", "off"),
)


def test_backtest_of_a_year_alone_makes_the_published_trades(
    capfd: pytest.CaptureFixture[str], archive: Path, reference: Path, tmp_path: Path
) -> None:
    name = Path("klines", "binance_um", "BTCUSDT-1h.parquet")
    (tmp_path / name).parent.mkdir(parents=True)
    hours = pq.read_table(archive / name)
    year = pc.greater_equal(hours["ts"], to_ms(datetime(2024, 1, 1, tzinfo=UTC)))
    pq.write_table(hours.filter(year), tmp_path / name)
    document = answer(capfd, "backtest", "ema_cross", BTC, *YEAR, "--archive", str(tmp_path))
    published = (reference / "ref" / "bt_btc_1h_2024_ema20_50_long_trades.csv").read_text().splitlines()[1:]
    assert len(document["trades"]) == len(published) == 79


def test_backtest_of_a_year_with_bars_before_it_is_warm_at_its_start(
    capfd: pytest.CaptureFixture[str], archive: Path
) -> None:
    document = answer(capfd, "backtest", "ema_cross", BTC, *YEAR, "--archive", str(archive))
    assert document["trades"][0]["entry_time"] == "2024-01-01T01:00:00+00:00"
    assert document["start"] == "2024-01-01"


def test_optimize_writes_a_report_of_the_verdict(
    capfd: pytest.CaptureFixture[str], archive: Path, tmp_path: Path
) -> None:
    report = tmp_path / "verdict.html"
    answer(
        capfd,
        *("optimize", "ema_cross", BTC, "--timeframe", "1h", "--archive", str(archive)),
        *("--trials", "8", "--folds", "2", "--searcher", "grid", "--report", str(report)),
    )
    assert "<h2>Stitched out of sample" in report.read_text()


@pytest.mark.postgres
@pytest.mark.parametrize("strategy", ["ema_cross", "bollinger_reversion"])
def test_optimize_on_real_hours_stores_a_verdict(
    strategy: str,
    capfd: pytest.CaptureFixture[str],
    archive: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    document = answer(
        capfd,
        *("optimize", strategy, BTC, "--timeframe", "1h", "--archive", str(archive)),
        *("--trials", "16", "--folds", "3", "--searcher", "ga"),
    )
    with psycopg.connect(database_url) as connection:
        stored = connection.execute("select strategy, symbol, decision from research.verdicts").fetchall()
    assert stored == [(strategy, BTC, "candidate")]
    assert {gate["gate"] for gate in document["gates"]} == {"paper", "capital"}
    assert document["verdict_id"] is not None
