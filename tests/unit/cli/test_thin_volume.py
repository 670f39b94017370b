"""An exit into a bar without volume: no price at or below 0, and none that nobody would have given."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.timeframes import HOUR_MS, day_start_ms

Quant = Callable[..., tuple[int, Any, str]]
START = day_start_ms("2025-03-01")
UNTIL = '''"""Long until there is no volume."""
import numpy as np
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Stops, Strategy


class Until(Strategy):
    """Flat at a bar with little volume."""

    inputs = Inputs(symbols=1)
    stops = Stops(hard_stop=Float(0.0, low=0.0, high=0.5))

    def target(self, bars: Bars) -> Array:
        return np.where(bars.volume < 1e6, 0.0, np.where(np.arange(len(bars)) < 40, 1.0, np.nan))
'''


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., tuple[str | Path, ...]]:
    """Command on 72 flat hours of 100, of which one has another volume, and the next one may fall."""

    def write(volume: float, low: float = 100.0) -> tuple[str | Path, ...]:
        (tmp_path / "until.py").write_text(UNTIL)
        flat, volumes, lows = np.full(72, 100.0), np.full(72, 1e9), np.full(72, 100.0)
        volumes[40], lows[41] = volume, low
        ts = START + HOUR_MS * np.arange(72, dtype=np.int64)
        columns = {"ts": ts, "open": flat, "high": flat, "low": lows, "close": flat, "volume": volumes}
        folder = tmp_path / "archive" / "klines" / "binance_um"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), folder / "BTCUSDT-1h.parquet")
        free = ("--fee-bps", "0", "--slippage-bps", "0", "--json")
        archive = tmp_path / "archive"
        return ("backtest", tmp_path / "until.py", "BTC/USDT:USDT", "--archive", archive, *free)

    return write


@pytest.fixture(autouse=True)
def impact(empty_surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANT_COSTS__IMPACT_BPS", "10")


@pytest.mark.parametrize("volume", [1e-6, 0.0])
def test_what_exceeds_the_volume_waits_for_the_next_bar(
    volume: float, quant: Quant, world: Callable[..., tuple[str | Path, ...]]
) -> None:
    code, document, _ = quant(*world(volume))
    (trade,) = document["trades"]
    assert (code, document["unfilled_exits"]) == (0, 1)
    assert trade["exit_time"] == "2025-03-02T18:00:00+00:00"
    assert trade["exit_price"] == pytest.approx(100.0, abs=1e-4)
    assert "impact above 1000 basis points" in document["not_modelled"]


def test_exits_that_wait_are_told_in_text_and_on_the_page(
    world: Callable[..., tuple[str | Path, ...]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    arguments = [str(one) for one in world(0.0) if one != "--json"]
    assert main([*arguments, "--report", str(page)]) == 0
    assert "exits that volume did not let fill: in 1 bars" in capfd.readouterr().out
    assert "Exits that volume did not let fill" in page.read_text()
    assert "impact above 1000 basis points" in page.read_text()


@pytest.mark.parametrize("volume", [1e-6, 0.0])
def test_a_stop_fills_at_the_capped_impact(
    volume: float,
    quant: Quant,
    world: Callable[..., tuple[str | Path, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QUANT_COSTS__IMPACT_CAP_BPS", "100")
    _, document, _ = quant(*world(volume, low=90.0), "--set", "hard_stop=0.01")
    (trade,) = document["trades"]
    assert (trade["exit_reason"], trade["exit_price"]) == ("hard_stop", pytest.approx(98.01, abs=1e-3))


def test_costs_that_could_take_a_price_to_zero_are_refused(
    quant: Quant, world: Callable[..., tuple[str | Path, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANT_COSTS__IMPACT_CAP_BPS", "9000")
    code, _, said = quant(*world(0.0))
    assert code != 0
    assert "impact_cap_bps" in said
