"""What blocks an archive, and what a person says of it: ``data check``, ``data factor``, ``data accept``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

BTC = "BTC/USDT:USDT"
HOUR_MS = 3_600_000
Quant = Callable[..., tuple[int, Any, str]]


def rewrite(path: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    table = pq.read_table(path)
    columns = {name: table[name].to_numpy().copy() for name in table.column_names}
    change(columns)
    pq.write_table(pa.table(columns), path)


@pytest.fixture
def bars(small_archive: Path) -> Path:
    return small_archive / "klines" / "binance_um" / "BTCUSDT-1h.parquet"


@pytest.fixture
def redenominated(bars: Path, small_archive: Path) -> Path:
    def change(columns: dict[str, np.ndarray]) -> None:
        for name in ("open", "high", "low", "close"):
            columns[name][720:] *= 1000.0
        columns["volume"][720:] /= 1000.0

    rewrite(bars, change)
    return small_archive


@pytest.fixture
def odd_funding(small_archive: Path) -> Path:
    folder = small_archive / "funding" / "binance_um"
    folder.mkdir(parents=True)
    first = pq.read_table(small_archive / "klines/binance_um/BTCUSDT-1h.parquet")["ts"][0].as_py()
    columns = {"ts": first + np.arange(180) * 8 * HOUR_MS, "rate": np.full(180, 0.71)}
    pq.write_table(pa.table(columns), folder / "BTCUSDT.parquet")
    return small_archive


def blocking(quant: Quant, folder: Path) -> set[str]:
    code, document, _ = quant("data", "check", "--archive", folder, "--json")
    found = {row["check_name"] for row in document["findings"] if row["severity"] == "block"}
    assert code == bool(found)
    return found


def backtest(quant: Quant, folder: Path, strategy: str = "ema_cross", *more: str) -> tuple[int, Any, str]:
    return quant("backtest", strategy, BTC, "--archive", folder, "--json", *more)


SIGNED = ("--reason", "announced by the exchange")


def test_redenomination_blocks_until_its_factor_is_recorded(quant: Quant, redenominated: Path) -> None:
    assert blocking(quant, redenominated) == {"price_scale"}
    code, _, err = backtest(quant, redenominated)
    assert code == 1
    assert "price_scale blocks 1 days, first 2023-12-15" in err
    change = "2023-12-15T00:00=1000"
    assert quant("data", "factor", BTC, change, "--archive", redenominated, *SIGNED)[0] == 0
    assert blocking(quant, redenominated) == set()


def test_factor_of_another_day_does_not_let_it_pass(quant: Quant, redenominated: Path) -> None:
    change = "2023-12-14T00:00=1000"
    assert quant("data", "factor", BTC, change, "--archive", redenominated, *SIGNED)[0] == 0
    assert blocking(quant, redenominated) == {"price_scale"}


def test_history_is_read_as_if_it_had_always_had_the_new_scale(
    quant: Quant, redenominated: Path, bars: Path
) -> None:
    change = "2023-12-15T00:00=1000"
    assert quant("data", "factor", BTC, change, "--archive", redenominated, *SIGNED)[0] == 0
    _, read, _ = backtest(quant, redenominated)
    (redenominated / "price_factors.csv").unlink()

    def whole(columns: dict[str, np.ndarray]) -> None:
        for name in ("open", "high", "low", "close"):
            columns[name][:720] *= 1000.0
        columns["volume"][:720] /= 1000.0

    rewrite(bars, whole)
    _, expected, _ = backtest(quant, redenominated)
    assert read["trades"] == expected["trades"]
    assert read["final_equity"] == expected["final_equity"]


def test_window_beside_a_redenomination_is_not_blocked(quant: Quant, redenominated: Path) -> None:
    assert backtest(quant, redenominated, "ema_cross", "--end", "2023-12-10")[0] == 0


def test_rate_that_is_no_fraction_blocks_until_it_is_accepted(quant: Quant, odd_funding: Path) -> None:
    assert blocking(quant, odd_funding) == {"funding_rate"}
    for strategy in ("ema_cross", "funding_carry"):
        code, _, err = backtest(quant, odd_funding, strategy)
        assert code == 1
        assert "a rate of 0.71 is beyond what any exchange pays" in err
    assert quant("data", "accept", BTC, "funding_rate", "--archive", odd_funding, *SIGNED)[0] == 0
    assert blocking(quant, odd_funding) == set()
    assert backtest(quant, odd_funding)[0] == 0


def test_optimize_refuses_what_a_backtest_refuses(quant: Quant, odd_funding: Path) -> None:
    code, _, err = quant(
        "optimize", "ema_cross", BTC, "--archive", odd_funding, "--folds", "1", "--trials", "8"
    )
    assert (code, "funding_rate blocks" in err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("factor", BTC, "2023-12-14T00:00"), "expected TIME=FACTOR such as 2024-01-31T12:00=1000"),
        (("factor", BTC, "soon=1000"), "change is 'soon=1000'; expected TIME=FACTOR"),
        (("factor", BTC, "2023-12-14=0"), "factor is 0.0; expected a number above 0"),
        (("factor", BTC, "2023-12-14=nan"), "factor is nan; expected a number above 0"),
        (("factor", BTC, "2023-12-14T00:00:30=10"), "expected the start of a minute"),
        (("factor", BTC, "2023-12-14=1"), f"has no factor of {BTC} at that time to take back"),
        (("factor", "btc/usdt:usdt", "2023-12-14=2"), f"is not in ccxt's form; did you mean '{BTC}'?"),
        (
            ("factor", "BTC/USD:BTC", "2023-12-14=2"),
            "coin-margined (inverse) contract, which is not supported",
        ),
        (("factor", "BTC/USDT:USDT-260626", "2023-12-14=1"), "a dated contract, which is not supported"),
        (("factor", " ", "2023-12-14=2"), "symbol ' ' is not in ccxt's form"),
        (("accept", "btc/usdt:usdt", "funding_rate"), f"is not in ccxt's form; did you mean '{BTC}'?"),
        (("accept", BTC, "gaps"), "unknown check of values 'gaps'"),
        (("accept", BTC, "volume_unit"), "no volume_unit of BTC/USDT:USDT blocks"),
    ],
)
def test_statement_that_can_not_be_made_is_one_sentence(
    quant: Quant, small_archive: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    code, _, err = quant("data", *arguments, "--archive", small_archive, *SIGNED)
    assert code == 1
    assert sentence in err
    assert err.count("\n") == 1
    assert not list(small_archive.glob("*.csv"))


def test_factor_of_a_time_that_has_one_is_refused_and_the_first_stands(
    quant: Quant, redenominated: Path
) -> None:
    asked = ("data", "factor", BTC, "2023-12-15T00:00=1000", "--archive", redenominated, *SIGNED)
    assert quant(*asked)[0] == 0
    kept = (redenominated / "price_factors.csv").read_text()
    code, _, err = quant(*asked)
    assert (code, "expected another time" in err) == (1, True)
    assert (redenominated / "price_factors.csv").read_text() == kept
    assert blocking(quant, redenominated) == set()


@pytest.mark.parametrize("time", ["2023-12-15", "2023-12-15T00:00", "2023-12-15T01:00:00+01:00"])
def test_factor_of_an_archive_is_taken_back_and_the_others_stand(
    quant: Quant, redenominated: Path, time: str
) -> None:
    factors, other = redenominated / "price_factors.csv", "2023-12-01T00:00"
    for change in (f"{other}=2", "2023-12-15T00:00=1000"):
        assert quant("data", "factor", BTC, change, "--archive", redenominated, *SIGNED)[0] == 0
    code, _, err = quant("data", "factor", BTC, f"{time}=1", "--archive", redenominated, *SIGNED)
    assert (code, err) == (0, "")
    assert [line.split(",")[2] for line in factors.read_text().splitlines()] == ["from", other]
    assert blocking(quant, redenominated) == {"price_scale"}
    assert quant("data", "factor", BTC, f"{time}=1", "--archive", redenominated, *SIGNED)[0] == 1


def test_malformed_statement_of_an_archive_names_its_row(quant: Quant, small_archive: Path) -> None:
    head = "exchange,symbol,from,factor,operator,reason\n"
    (small_archive / "price_factors.csv").write_text(f"{head}binanceusdm,{BTC},noon,2,ann,why\n")
    code, _, err = quant("data", "check", "--archive", small_archive)
    assert code == 1
    assert "price_factors.csv: row 2: " in err
