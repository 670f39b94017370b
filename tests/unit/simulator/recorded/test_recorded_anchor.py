"""Where now lies in a recording, and that a home keeps its market."""

from pathlib import Path

import pytest

from quant_pipelines.core.errors import ConfigurationError, DataError
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS
from quant_pipelines.simulator.anchor import keep_anchor
from quant_pipelines.simulator.recorded.anchor import WEEK_MS, choose_shift, keep_recorded_anchor
from quant_pipelines.simulator.recorded.recording import Recording, read_recording

FIRST = 20_000 * DAY_MS
NOW = 20_700 * DAY_MS + 23 * HOUR_MS + 58 * MINUTE_MS


@pytest.fixture
def recording(archive_folder: Path) -> Recording:
    return read_recording(archive_folder)


@pytest.mark.parametrize(
    ("days", "least_history", "least_future"),
    [
        (600, 91, 28),  # years of minutes: the newest moment with four weeks ahead
        (130, 91, 28),
        (100, 91, 1),  # enough history or enough future, not both: history
        (30, 21, 1),
        (8, 0, 0),
    ],
)
@pytest.mark.parametrize("hours", range(0, 7 * 24, 5))
def test_now_lies_inside_with_as_much_behind_and_ahead_as_there_is(
    days: int, least_history: int, least_future: int, hours: int
) -> None:
    now = NOW + hours * HOUR_MS
    shift = choose_shift(Window(FIRST, FIRST + days * DAY_MS), now)
    moment = now - shift
    assert shift % WEEK_MS == 0
    assert moment - FIRST >= least_history * DAY_MS
    assert FIRST + days * DAY_MS - moment >= least_future * DAY_MS
    assert FIRST + days * DAY_MS - moment <= max(least_future, 1) * DAY_MS + WEEK_MS


def test_a_span_in_which_now_does_not_lie_is_refused() -> None:
    with pytest.raises(DataError, match=r"reach from .* to .*; expected 7 days at least"):
        choose_shift(Window(FIRST + 2 * DAY_MS, FIRST + 3 * DAY_MS), FIRST + 700 * DAY_MS)


def test_the_anchor_outlives_a_restart(tmp_path: Path, recording: Recording) -> None:
    first = keep_recorded_anchor(tmp_path, recording, seed=None, clock=lambda: NOW)
    later = keep_recorded_anchor(tmp_path, recording, seed=None, clock=lambda: NOW + 90 * DAY_MS)
    assert later == first


def test_a_home_with_the_synthetic_market_refuses_an_archive(tmp_path: Path, recording: Recording) -> None:
    keep_anchor(tmp_path, seed=None, clock=lambda: NOW)
    with pytest.raises(ConfigurationError, match=r"home .* plays the synthetic one; expected no archive"):
        keep_recorded_anchor(tmp_path, recording, seed=None, clock=lambda: NOW)


def test_a_home_with_an_archive_refuses_the_synthetic_market(tmp_path: Path, recording: Recording) -> None:
    keep_recorded_anchor(tmp_path, recording, seed=None, clock=lambda: NOW)
    with pytest.raises(
        ConfigurationError, match=r"synthetic one, but home .* plays archive .*; expected that"
    ):
        keep_anchor(tmp_path, seed=None, clock=lambda: NOW)


def test_a_home_with_an_archive_refuses_another_one(
    tmp_path: Path, recording: Recording, archive_folder: Path
) -> None:
    keep_recorded_anchor(tmp_path, recording, seed=None, clock=lambda: NOW)
    (archive_folder / "klines" / "binance_um" / "DOGEUSDT-1h.parquet").unlink()
    with pytest.raises(ConfigurationError, match=r"plays the files of .* as they were at its first start"):
        keep_recorded_anchor(tmp_path, read_recording(archive_folder), seed=None, clock=lambda: NOW)


def test_another_seed_is_refused(tmp_path: Path, recording: Recording) -> None:
    keep_recorded_anchor(tmp_path, recording, seed=11, clock=lambda: NOW)
    with pytest.raises(ConfigurationError, match=r"seed is 12.*made with seed 11"):
        keep_recorded_anchor(tmp_path, recording, seed=12, clock=lambda: NOW)
