import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_pipelines.cli.__main__ import main


@pytest.fixture(autouse=True)
def empty_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No settings but the packaged ones: an empty working directory, home and environment."""
    for name in list(os.environ):
        if name.startswith("QUANT_") or name == "EXCHANGE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def small_archive(tmp_path: Path) -> Path:
    """Archive with 60 days of hourly bars of two symbols: a wave that a trend follower can ride."""
    folder = tmp_path / "archive"
    klines = folder / "klines" / "binance_um"
    klines.mkdir(parents=True)
    hours = np.arange(60 * 24)
    close = 100.0 * np.exp(0.2 * np.sin(hours / 60.0) + 0.002 * np.sin(hours * 1.7))
    opened = np.concatenate([[100.0], close[:-1]])
    columns = {
        "ts": 1_700_006_400_000 // 86_400_000 * 86_400_000 + hours * 3_600_000,
        "open": opened,
        "high": np.maximum(opened, close) * 1.001,
        "low": np.minimum(opened, close) * 0.999,
        "close": close,
        "volume": np.full(hours.size, 10.0),
    }
    for name in ("BTCUSDT", "ETHUSDT"):
        pq.write_table(pa.table(columns), klines / f"{name}-1h.parquet")
    return folder


@pytest.fixture
def quant(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    """Run a command: exit code, JSON document (None without), and what stands on stderr."""

    def run(*arguments: str | Path) -> tuple[int, Any, str]:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, json.loads(out) if out.startswith("{") else None, err

    return run
