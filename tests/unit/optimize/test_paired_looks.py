"""Paired looks: the error of a year of weekly looks is that of one test, and days that come later count."""

from datetime import date, timedelta

import numpy as np

from quant_pipelines.optimize.paired_looks import paired_at_looks

FIRST, SINCE = date(2024, 1, 12), date(2026, 2, 10)
N_BEFORE = 760
"""Days before the new version came."""


def differences(seed: int, mean: float = 0.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(mean, 0.01, 1084)


def test_a_year_of_looks_at_luck_passes_as_seldom_as_one_test_may() -> None:
    first, before = SINCE - timedelta(days=71), 71
    worlds = [differences(seed)[: before + 324] for seed in range(50)]
    looked = [paired_at_looks(days, first, SINCE) for days in worlds]
    assert sum(one is not None and one.passed for one in looked) <= 4  # 2.5 % of 50, and its chance
    many = np.array([differences(seed)[: before + 324] for seed in range(1000)])
    total, squares = (np.cumsum(one, axis=1)[:, before - 1 :] for one in (many, many**2))
    asked_daily = (total / np.sqrt(squares) > 1.96).any(axis=1).mean()
    assert asked_daily > 0.05, "asked every day without a correction, luck passes twice as often"


def test_what_passed_stays_passed_however_it_goes_on() -> None:
    days = differences(1, 0.0025)
    days[N_BEFORE + 60 :] -= 0.02
    then = paired_at_looks(days[: N_BEFORE + 60], FIRST, SINCE)
    last = paired_at_looks(days, FIRST, SINCE)
    assert then is not None
    assert last is not None
    assert (then.passed, last.passed) == (True, True)
    assert last.difference < 0.0 < then.difference


def test_nothing_is_said_before_the_first_weekly_look_since_the_version_came() -> None:
    days = differences(1, 0.01)
    look = date(2026, 2, 11)  # the 42nd day of the year
    known = (look - FIRST).days
    assert paired_at_looks(days[:known], FIRST, SINCE) is None
    seen = paired_at_looks(days[: known + 1], FIRST, SINCE)
    assert seen is not None
    assert (seen.look_day, seen.days) == (look, known + 1)
    assert paired_at_looks(days[: known + 6], FIRST, SINCE) == seen  # the days of a week are one look
    assert seen.look_day + timedelta(days=7) == paired_at_looks(days[: known + 8], FIRST, SINCE).look_day  # type: ignore[union-attr]
