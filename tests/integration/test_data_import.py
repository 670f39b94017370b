"""`quant data import`: files reach the store by the upserts of ingestion, each whole or not at all."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine

from quant_pipelines.archive import FileSource
from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_of
from quant_pipelines.marketdata.ingest import Ingestion, ingest_bars, ingest_funding
from quant_pipelines.store.bars import read_bar_rows, read_bars
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.market import read_funding, read_open_interest

pytestmark = pytest.mark.postgres
Quant = Callable[..., tuple[int, Any, str]]
EXCHANGE, BTC, ETH = "binanceusdm", "BTC/USDT:USDT", "ETH/USDT:USDT"
FIRST_MS = 20_000 * DAY_MS
ALL = Window(FIRST_MS - DAY_MS, FIRST_MS + 400 * DAY_MS)
HOURLY = ("--symbol", BTC, "--timeframe", "1h")


@pytest.fixture
def quant(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Quant:
    """Import into the test's database: exit code, JSON document, and what stands on stderr."""
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> tuple[int, Any, str]:
        capfd.readouterr()
        code = main(["data", "import", *map(str, arguments), "--json"])
        out, err = capfd.readouterr()
        return code, json.loads(out) if out else None, err

    return run


def columns(n: int = 48, *, step: int = HOUR_MS, price: float = 100.0) -> dict[str, Any]:
    close = price + np.arange(n) % 7
    return {
        "ts": FIRST_MS + step * np.arange(n),
        "open": close,
        "high": close + 1,
        "low": close - 1,
        "close": close.copy(),
        "volume": np.full(n, 3.0),
    }


def write(path: Path, values: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.table(values), path)
    else:
        rows = zip(*values.values(), strict=True)
        path.write_text("\n".join(",".join(map(str, row)) for row in [tuple(values), *rows]) + "\n")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Small archive: minutes and hours of one symbol, hours of another, funding and open interest."""
    archive = tmp_path / "archive"
    klines = archive / "klines" / "binance_um"
    write(klines / "BTCUSDT-1m.parquet", columns(2 * 1440, step=MINUTE_MS))
    write(klines / "BTCUSDT-1h.parquet", columns())
    write(klines / "ETHUSDT-1h.parquet", columns(price=10.0))
    slots = FIRST_MS + 8 * HOUR_MS * np.arange(6) + 5
    write(archive / "funding" / "binance_um" / "BTCUSDT.parquet", {"ts": slots, "rate": np.full(6, 1e-4)})
    interest = {"ts": FIRST_MS + HOUR_MS * np.arange(5), "open_interest": np.full(5, 9.0)}
    write(archive / "open_interest" / "binance_um" / "BTCUSDT-1h.parquet", interest)
    write(archive / "open_interest" / "bybit_linear" / "ETHUSDT-1h.parquet", interest)
    return archive


@pytest.mark.parametrize("name", ["bars.csv", "bars.parquet"])
def test_a_file_is_stored_as_it_stands(quant: Quant, engine: Engine, tmp_path: Path, name: str) -> None:
    values = columns()
    code, document, _ = quant(write(tmp_path / name, values), *HOURLY)
    [row] = document["files"]
    assert (code, row["rows"], row["inserted"], row["updated"]) == (0, 48, 48, 0)
    stored = read_bars(engine, Series(EXCHANGE, BTC, "1h"), ALL)
    assert all(np.array_equal(getattr(stored, name), values[name]) for name in values)


def test_a_second_import_writes_only_what_changed(quant: Quant, tmp_path: Path) -> None:
    values = columns()
    quant(write(tmp_path / "bars.csv", values), *HOURLY)
    values["volume"] = np.where(np.arange(48) == 5, 4.0, 3.0)
    [row] = quant(write(tmp_path / "bars.csv", values), *HOURLY)[1]["files"]
    assert (row["inserted"], row["updated"]) == (0, 1)


def test_what_a_file_lacks_stays_as_it_is_stored(quant: Quant, engine: Engine, tmp_path: Path) -> None:
    full = columns() | {"quote_volume": np.full(48, 300.0), "trades": np.full(48, 12)}
    quant(write(tmp_path / "full.parquet", full), *HOURLY)
    [row] = quant(write(tmp_path / "plain.csv", columns(60)), *HOURLY)[1]["files"]
    assert (row["inserted"], row["updated"]) == (12, 0)
    stored = read_bar_rows(engine, Series(EXCHANGE, BTC, "1h"), ALL)
    assert (stored.trades[0], stored.quote_volume[47], stored.trades[48]) == (12, 300.0, 0)


def test_nothing_of_a_bad_file_is_stored(quant: Quant, engine: Engine, tmp_path: Path) -> None:
    values = columns(24 * 100)
    values["close"][-1] = -1.0
    code, document, err = quant(write(tmp_path / "bars.csv", values), *HOURLY)
    assert (code, document) == (1, None)
    assert err.startswith("quant: archive file ")
    assert "close is -1.0 at row 2401; expected a positive price" in err
    assert len(read_bars(engine, Series(EXCHANGE, BTC, "1h"), ALL)) == 0


def test_dry_run_needs_no_database_and_stores_nothing(
    quant: Quant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", "postgresql://quant@127.0.0.1:1/quant")
    code, document, _ = quant(write(tmp_path / "bars.csv", columns()), *HOURLY, "--dry-run")
    assert (code, document["files"][0]["rows"], document["files"][0]["inserted"]) == (0, 48, None)


def test_an_archive_folder_is_stored_whole(quant: Quant, engine: Engine, folder: Path) -> None:
    code, document, err = quant(folder)
    assert (code, err) == (0, "")
    stored = {(row["symbol"], row["kind"], row["timeframe"]): row["inserted"] for row in document["files"]}
    assert stored == {
        (BTC, "bars", "1m"): 2880,
        (BTC, "bars", "1h"): 48,
        (BTC, "funding", None): 6,
        (BTC, "open_interest", None): 5,
        (ETH, "bars", "1h"): 48,
    }
    slots, _, marks = read_funding(engine, EXCHANGE, BTC, ALL)
    assert list(slots) == [FIRST_MS + 8 * HOUR_MS * slot for slot in range(6)]
    assert np.isnan(marks).all()
    assert read_open_interest(engine, EXCHANGE, BTC, ALL)[1].sum() == 45.0


def test_open_interest_of_another_venue_is_not_taken(quant: Quant, engine: Engine, folder: Path) -> None:
    quant(folder)
    assert read_open_interest(engine, EXCHANGE, ETH, ALL)[0].size == 0


def test_a_bad_file_in_a_folder_says_what_is_stored_before_it(quant: Quant, folder: Path) -> None:
    values = columns()
    values["ts"][3] //= 1000
    write(folder / "klines" / "binance_um" / "ETHUSDT-1h.parquet", values)
    code, _, err = quant(folder)
    assert code == 1
    assert "ETHUSDT-1h.parquet: ts is 1728010800 at row 3, which looks like seconds" in err
    assert "(4 of 5 files are stored)" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.csv", *HOURLY), "file 'nowhere.csv' does not exist"),
        (("bars.csv", "--symbol", BTC), "--timeframe missing"),
        (("bars.csv", "--timeframe", "1h"), "--symbol missing"),
        (("bars.csv", "--symbol", "BTCUSDT", "--timeframe", "1h"), "did you mean 'BTC/USDT:USDT'"),
        (("notes.txt", *HOURLY), "is neither .parquet nor .csv nor .csv.gz"),
        (("archive", "--exchange", "binance"), "unknown exchange in archives 'binance'"),
        (("archive", "--symbol", "SOL/USDT:USDT"), "has no files of SOL/USDT:USDT"),
    ],
)
def test_a_request_that_can_t_be_done_is_refused(
    quant: Quant, folder: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    write(tmp_path / "bars.csv", columns())
    (tmp_path / "notes.txt").write_text("nothing")
    code, _, err = quant(*arguments)
    assert code == 1
    assert message in err


def test_a_folder_of_files_serves_ingestion_like_an_exchange(engine: Engine, folder: Path) -> None:
    source = FileSource(folder)
    market = Ingestion(source, engine, EXCHANGE)
    days = [day_of(FIRST_MS), day_of(FIRST_MS + DAY_MS)]
    written = asyncio.run(ingest_bars(market, [BTC], days))
    assert written[BTC].inserted == 2880
    assert asyncio.run(ingest_funding(market, [BTC], ALL)) == {BTC: 6}


@pytest.fixture
def samples() -> Path:
    return Path(__file__).parents[1] / "unit" / "archive" / "samples"


def answer(capfd: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capfd.readouterr()
    main([*arguments, "--json"])
    return json.loads(capfd.readouterr().out)


def test_what_a_file_says_need_not_be_typed(quant: Quant, engine: Engine, samples: Path) -> None:
    [row] = quant(samples / "vision_zip" / "BTCUSDT-1h-2025-03-01.zip")[1]["files"]
    told = {name: row[name] for name in ("layout", "kind", "exchange", "symbol", "timeframe", "unit", "rows")}
    assert told == {
        "layout": "vision_klines",
        "kind": "bars",
        "exchange": EXCHANGE,
        "symbol": BTC,
        "timeframe": "1h",
        "unit": "milliseconds",
        "rows": 6,
    }
    assert len(read_bars(engine, Series(EXCHANGE, BTC, "1h"), Window(0, 2**42))) == 6


def test_a_file_of_another_exchange_is_stored_as_its(quant: Quant, engine: Engine, samples: Path) -> None:
    name = "BTC-USDT-SWAP-candlesticks-2025-03-01.csv"
    [row] = quant(samples / "okx_swap" / name, "--timeframe", "1h")[1]["files"]
    assert (row["exchange"], row["inserted"]) == ("okx", 6)
    assert list(read_bars(engine, Series("okx", BTC, "1h"), Window(0, 2**42)).volume) == [
        10,
        11,
        12,
        13,
        14,
        15,
    ]
    code, _, err = quant(samples / "okx_swap" / name, *HOURLY, "--exchange", "binanceusdm")
    assert code == 1
    assert "exchange is okx; asked for binanceusdm" in err


def test_a_file_of_an_exchange_that_is_not_known_says_so(quant: Quant, samples: Path) -> None:
    [row] = quant(samples / "kraken" / "XBTUSD_60.csv", *HOURLY, "--dry-run")[1]["files"]
    assert "the file is of kraken; its rows are stored as those of binanceusdm" in row["notes"]


def test_an_import_can_be_checked_and_shown_without_being_traded(
    quant: Quant, samples: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = samples / "vision_halt" / "BTCUSDT-1h-2024-06.csv"
    [stored] = quant(path)[1]["files"]
    assert answer(capfd, "data", "check", BTC)["bars"] == 9
    covered = answer(capfd, "data", "coverage", BTC)
    [bars], [file] = covered["bars"], covered["files"]
    assert (bars["bars"], bars["missing"]) == (9, 1)
    assert (file["checksum"], file["layout"], file["rows"]) == (stored["checksum"], "vision_klines", 9)
    assert file["file"] == path.name


def test_hours_without_a_trade_are_no_gap(
    quant: Quant, samples: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    quant(samples / "kraken" / "XBTUSD_60.csv", *HOURLY)
    [row] = answer(capfd, "data", "coverage", BTC)["bars"]
    assert (row["missing"], row["never_existed"]) == (1, 1)


def test_nothing_of_a_file_whose_checksum_differs_is_stored(
    quant: Quant, engine: Engine, tmp_path: Path, samples: Path
) -> None:
    path = tmp_path / "BTCUSDT-1h-2025-03-01.zip"
    path.write_bytes((samples / "vision_zip" / path.name).read_bytes())
    path.with_name(f"{path.name}.CHECKSUM").write_text(f"{'0' * 64}  {path.name}\n")
    code, _, err = quant(path)
    assert code == 1
    assert f"expected {'0' * 64} as in {path.name}.CHECKSUM" in err
    assert len(read_bars(engine, Series(EXCHANGE, BTC, "1h"), Window(0, 2**42))) == 0


def test_real_history_is_stored_bit_for_bit(quant: Quant, engine: Engine, archive: Path) -> None:
    path = archive / "klines" / "binance_um" / "BTCUSDT-1h.parquet"
    [row] = quant(path, *HOURLY)[1]["files"]
    table = pq.read_table(path)
    stored = read_bars(engine, Series(EXCHANGE, BTC, "1h"), Window(0, 2**42))
    assert row["inserted"] == table.num_rows
    assert np.array_equal(stored.close, table.column("close").to_numpy())
    assert np.array_equal(stored.ts, table.column("ts").to_numpy())


def test_funding_alone_is_checked(
    quant: Quant, samples: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = (samples / "vision_funding" / "BTCUSDT-fundingRate-2025-03.csv").read_text().splitlines()
    path = tmp_path / "BTCUSDT-fundingRate-2025-03.csv"
    path.write_text("\n".join([*text[:2], text[-1]]) + "\n")
    assert quant(path)[0] == 0
    found = answer(capfd, "data", "check", BTC)["findings"]
    assert {row["check_name"] for row in found} == {"missing_funding"}


def test_a_failure_between_rows_and_their_file_leaves_neither(
    quant: Quant, engine: Engine, tmp_path: Path
) -> None:
    table = "market.imported_files"
    path = write(tmp_path / "bars.csv", columns(24 * 60))
    with transaction(engine) as connection:
        connection.exec_driver_sql(f"alter table {table} rename to away")
    code, document, err = quant(path, *HOURLY)
    assert (code, document) == (1, None)
    assert "has another schema" in err
    assert len(read_bars(engine, Series(EXCHANGE, BTC, "1h"), ALL)) == 0
    with transaction(engine) as connection:
        connection.exec_driver_sql("alter table market.away rename to imported_files")
    assert quant(path, *HOURLY)[1]["files"][0]["inserted"] == 24 * 60


TICKER = "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,open_interest"


def ticker(path: Path, interest: str = "80000") -> Path:
    slot, second = FIRST_MS + 8 * HOUR_MS, 1000
    rows = [
        f"binance-futures,BTCUSDT,{ts}000,{ts}009,{slot}000,0.0001,{interest}"
        for ts in (slot - 600 * second, slot - second, slot + second)
    ]
    path.write_text("\n".join([TICKER, *rows]) + "\n")
    return path


def test_funding_and_open_interest_of_one_file_are_stored_together(
    quant: Quant, engine: Engine, tmp_path: Path
) -> None:
    files = quant(ticker(tmp_path / "t.csv"))[1]["files"]
    assert [(row["kind"], row["rows"], row["inserted"]) for row in files] == [
        ("funding", 1, 1),
        ("open_interest", 3, 3),
    ]
    assert list(read_funding(engine, EXCHANGE, BTC, ALL)[1]) == [0.0001]
    assert list(read_open_interest(engine, EXCHANGE, BTC, ALL)[1]) == [80000.0] * 3


def test_a_kind_that_is_asked_for_says_what_else_is_in_the_file(quant: Quant, tmp_path: Path) -> None:
    [row] = quant(ticker(tmp_path / "t.csv"), "--kind", "funding", "--dry-run")[1]["files"]
    assert row["kind"] == "funding"
    assert (
        "the file holds open_interest too: --kind open_interest takes it, no --kind takes both"
        in row["notes"]
    )


def test_nothing_of_two_series_is_stored_where_one_is_bad(
    quant: Quant, engine: Engine, tmp_path: Path
) -> None:
    code, _, err = quant(ticker(tmp_path / "t.csv", "-1"))
    assert code == 1
    assert "open_interest is -1.0" in err
    assert read_funding(engine, EXCHANGE, BTC, ALL)[0].size == 0


def test_a_series_without_a_row_is_no_fault_of_the_other(quant: Quant, tmp_path: Path) -> None:
    [row] = quant(ticker(tmp_path / "t.csv", ""), "--dry-run")[1]["files"]
    assert row["kind"] == "funding"
