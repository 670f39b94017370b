"""`quant up` refuses what it can't use: one sentence, exit code 1, nothing left running."""

import socket
from pathlib import Path

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS
from quant_pipelines.stack.home import Home, is_locked, locked, open_home
from quant_pipelines.stack.ports import free_port

pytestmark = pytest.mark.postgres


def refused(capfd: pytest.CaptureFixture[str], home: Path, port: int) -> str:
    """Sentence with which `quant up` refuses."""
    assert main(["up", "--home", str(home), "--port", str(port)]) == 1
    assert not is_locked(Home(home)) or home.name == "in_use"
    sentence = capfd.readouterr().err.strip().splitlines()[-1]
    assert sentence.startswith("quant: ")
    return sentence


def test_up_on_a_taken_port_is_refused(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        sentence = refused(capfd, tmp_path, port)
    assert f"port {port} on 127.0.0.1 is taken by another program" in sentence


def test_up_on_a_home_in_use_is_refused(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with locked(open_home(tmp_path / "in_use")):
        sentence = refused(capfd, tmp_path / "in_use", free_port())
    assert "is in use by process" in sentence


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("somewhere", "database_url 'somewhere' is not a URL; expected postgresql://"),
        ("mysql://a@b/c", "does not name a PostgreSQL database; expected postgresql://"),
        ("postgresql://quant:pw@127.0.0.1:1/quant", "quant:***@127.0.0.1:1/quant does not answer: "),
    ],
)
def test_up_with_a_wrong_database_url_is_refused(
    url: str,
    expected: str,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", url)
    assert expected in refused(capfd, tmp_path, free_port())


def test_up_on_a_database_newer_than_the_code_is_refused(
    database_url: str, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("update ops.alembic_version set version_num = '9999'")
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    sentence = refused(capfd, tmp_path, free_port())
    assert "database revision '9999' is newer than this code" in sentence


def test_up_with_an_unknown_setting_is_refused(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANT_EXCHANGE__BASE_ULR", "x")
    assert "did you mean 'exchange.base_url'?" in refused(capfd, tmp_path, free_port())


def test_up_on_an_archive_that_can_t_be_played_is_refused(
    database_url: str, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "archive" / "klines" / "binance_um"
    folder.mkdir(parents=True)
    ts = 20_000 * DAY_MS + MINUTE_MS * np.arange(2000)
    ts[900:] //= 1000
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), np.full(ts.size, 9.0))
    pq.write_table(pa.table({"ts": ts, **prices}), folder / "BTCUSDT-1m.parquet")
    monkeypatch.setenv("QUANT_ARCHIVE", str(tmp_path / "archive"))
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    sentence = refused(capfd, tmp_path / "home", free_port())
    assert "at row 900, which looks like seconds; expected milliseconds in every row" in sentence
