"""The quality checks on real exchange history: known faults are found, clean files are not blamed."""

from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant_pipelines.archive import read_bar_rows, read_open_interest
from quant_pipelines.archive.columns import read_columns
from quant_pipelines.core.bars import bars_from_columns, empty_bars
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import HOUR_MS, day_start_ms
from quant_pipelines.marketdata.checks import (
    check_funding,
    check_funding_rates,
    check_open_interest,
    check_tops,
    check_volume_unit,
    funding_intervals,
    same_venue,
)
from quant_pipelines.marketdata.checks.mismatch import find_mismatches
from quant_pipelines.marketdata.rollup import roll_up
from quant_pipelines.operations.file_check import check_archive, check_file

pytestmark = pytest.mark.archive

WITH_MINUTES = ("ADA", "AVAX", "BNB", "BTC", "ETH", "LINK", "LTC", "SUI", "XRP")
HALF_OPEN = {
    f"2026-03-{time}:00" for time in ("23 08", "23 14", "24 15", "25 07", "25 08", "25 09", "25 11", "25 13")
}


def named(findings: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [finding for finding in findings if finding["check_name"] == name]


def times(findings: list[dict[str, Any]]) -> set[str]:
    return {at for finding in findings for at in finding["detail"]["at"]}


def test_every_half_open_bar_is_found_beside_another_source(archive: Path) -> None:
    dirty, truth = (archive / "dirty" / f"BTCUSDT-1h-{name}.parquet" for name in ("partial-bars", "truth"))
    report = check_file(dirty, against=truth, agreement=same_venue())
    assert times(named(report.findings, "source_mismatch")) == HALF_OPEN
    assert sum(finding["count"] for finding in named(report.findings, "source_mismatch")) == len(HALF_OPEN)


def test_half_open_bars_are_suspected_without_another_source_but_for_the_last(archive: Path) -> None:
    report = check_file(archive / "dirty" / "BTCUSDT-1h-partial-bars.parquet")
    # Nothing follows the newest bar that could contradict it.
    assert times(named(report.findings, "suspected_half_open_bar")) == HALF_OPEN - {"2026-03-25 13:00"}
    assert {finding["check_name"] for finding in report.findings} == {"suspected_half_open_bar"}


def test_true_bars_of_the_same_days_are_not_blamed(archive: Path) -> None:
    assert check_file(archive / "dirty" / "BTCUSDT-1h-truth.parquet").findings == []


def test_all_816_gaps_are_counted(archive: Path) -> None:
    path = archive / "dirty" / "gate_AVAXUSDT-1h-gappy.parquet"
    report = check_file(path)
    ts = read_columns(path, ("ts",))["ts"]
    assert sum(finding["count"] for finding in named(report.findings, "gaps")) == 1323
    assert int((np.diff(ts) > HOUR_MS).sum()) == 816
    missing = np.setdiff1d(np.arange(ts[0], ts[-1], HOUR_MS), ts)
    assert int((np.diff(missing, prepend=0) > HOUR_MS).sum()) == 816


@pytest.mark.parametrize("base", WITH_MINUTES)
def test_roll_ups_of_minutes_equal_the_exchanges_hours(archive: Path, base: str) -> None:
    folder, symbol = archive / "klines" / "binance_um", f"{base}/USDT:USDT"
    minutes = read_bar_rows(folder / f"{base}USDT-1m.parquet", symbol, "1m")
    hours = read_bar_rows(folder / f"{base}USDT-1h.parquet", symbol, "1h")
    rolled = roll_up(minutes, "1h")
    assert np.isin(rolled.ts, hours.ts).sum() >= 700
    assert find_mismatches(rolled, hours) == {}


def test_clean_archive_has_nothing_but_a_few_suspicions(archive: Path) -> None:
    report = check_archive(archive, "binanceusdm")
    assert report.bars > 1_500_000
    assert {finding["severity"] for finding in report.findings} == {"warning"}
    counts: Counter[str] = Counter()
    for finding in report.findings:
        counts[finding["check_name"]] += finding["count"]
    # Bars that do not join, most of them on 2024-10-28, and spikes in hours that no other file has.
    assert counts == {"suspected_half_open_bar": 69, "outliers": 3}


def test_real_flash_spike_that_other_timeframes_have_is_no_outlier(archive: Path) -> None:
    """A false report moved BTC by 7 % within the hour of 2023-10-16 13:00 and back."""
    window = Window(day_start_ms("2023-10-15"), day_start_ms("2023-10-18"))
    alone = check_file(archive / "klines" / "binance_um" / "BTCUSDT-1h.parquet", window=window)
    together = check_archive(archive, "binanceusdm", ["BTC/USDT:USDT"], window)
    assert times(named(alone.findings, "outliers")) == {"2023-10-16 13:00"}
    assert named(together.findings, "outliers") == []


def test_changed_funding_interval_is_stored_right_and_not_blamed(archive: Path) -> None:
    path = archive / "funding" / "binance_um" / "LAYERUSDT-variable-interval.parquet"
    stamps = read_columns(path, ("ts",))["ts"]
    intervals = funding_intervals(stamps // HOUR_MS)
    assert [(int(hours), len(list(group))) for hours, group in groupby(intervals)] == [(4, 305), (1, 679)]
    assert check_funding(stamps) == {}


def test_no_real_funding_is_blamed(archive: Path) -> None:
    files = sorted((archive / "funding" / "binance_um").glob("*.parquet"))
    blamed = {path.name: check_funding(read_columns(path, ("ts",))["ts"]) for path in files}
    assert len(files) >= 12
    assert {name: found for name, found in blamed.items() if found} == {}


def test_payment_that_is_taken_out_of_real_funding_is_missing(archive: Path) -> None:
    stamps = read_columns(archive / "funding" / "binance_um" / "BTCUSDT.parquet", ("ts",))["ts"]
    ((finding,),) = check_funding(np.delete(stamps, 1000)).values()
    assert (finding.check_name, finding.times) == (
        "missing_funding",
        (int(stamps[1000] // HOUR_MS * HOUR_MS),),
    )


def test_real_book_ticker_is_never_crossed(archive: Path) -> None:
    columns = read_columns(
        archive / "book_ticker" / "binance_um" / "BTCUSDT-20240808.parquet", ("ts", "bid", "ask")
    )
    assert check_tops(columns["ts"], columns["bid"], columns["ask"]) == {}


VALUES = ("volume_unit", "funding_rate", "open_interest", "price_scale")


@pytest.mark.parametrize("market", ["binance_um", "binance_um_2023", "binance_um_xs2023", "binance_spot"])
def test_no_real_history_is_blamed_for_its_values(archive: Path, market: str) -> None:
    for path in sorted((archive / "klines" / market).glob("*.parquet")):
        found = check_file(path).findings
        assert [row for row in found if row["check_name"] in VALUES] == [], path.name


def test_no_real_funding_or_open_interest_is_blamed_for_its_values(archive: Path) -> None:
    for path in sorted((archive / "funding").rglob("*.parquet")):
        columns = read_columns(path, ("ts", "rate"))
        assert check_funding_rates(columns["ts"].astype(np.int64), columns["rate"]) == {}, path.name
    for path in sorted((archive / "open_interest").rglob("*.parquet")):
        held = read_open_interest(path)
        assert check_open_interest(held.ts, held.values, empty_bars("", "1h")) == {}, path.name


def test_volume_that_a_venue_counted_in_dollars_is_found_on_each_day(archive: Path) -> None:
    (path,) = (archive / "klines" / "ftx_perp").glob("BTCPERP-1m-*.parquet")
    columns = read_columns(path, ("ts", "open", "high", "low", "close", "volume"))
    found = check_volume_unit(bars_from_columns("BTC/USD:USD", "1m", columns))
    assert sum(finding.count for finding in found.values()) == columns["ts"].size
