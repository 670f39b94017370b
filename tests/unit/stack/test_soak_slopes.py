"""A leak is told from noise and from a single jump."""

import numpy as np
import pytest

from benchmarks.soak_slopes import slope_of, too_steep
from benchmarks.soak_stack import told_in

HOURS = np.linspace(0.0, 2.0, 60)


def series(growth: float, seed: int = 1) -> list[float]:
    return list(100.0 + growth * HOURS + np.random.default_rng(seed).normal(0.0, 1.5, HOURS.size))


@pytest.mark.parametrize(("growth", "is_leak"), [(0.0, False), (4.0, False), (12.0, True)])
def test_a_leak_is_what_grows_by_more_than_its_bound_beyond_doubt(growth: float, is_leak: bool) -> None:
    found = slope_of("runner", HOURS, series(growth))
    assert found.low < found.growth < found.high
    assert abs(found.growth - growth) < 1.0
    assert (too_steep([found], {}, 8.0) == [found]) is is_leak


def test_one_jump_is_no_slope() -> None:
    values = series(0.0)
    values[40:] = [value + 3.0 for value in values[40:]]
    values[10] += 500.0
    assert slope_of("runner", HOURS, values).growth < 4.0


def test_a_bound_of_its_own_counts_before_that_of_all() -> None:
    found = slope_of("postgres", HOURS, series(12.0))
    assert too_steep([found], {"postgres": 30.0}, 8.0) == []


def test_too_few_looks_tell_nothing() -> None:
    with pytest.raises(ValueError, match="runner was looked at 3 times; expected 8 or more"):
        slope_of("runner", [0.0, 1.0, 2.0], [1.0, 2.0, 3.0])


def test_of_a_traceback_the_error_is_told_and_of_a_quiet_log_nothing() -> None:
    lines = [
        "started",
        "Traceback (most recent call last):",
        '  File "a.py", line 1',
        "    f()",
        "OSError: gone",
    ]
    assert list(told_in([*lines, '{"level": "ERROR", "message": "x"}', "INFO - fine"])) == [
        "OSError: gone",
        '{"level": "ERROR", "message": "x"}',
    ]
    assert list(told_in(["2026-01-01 - dagster - INFO - no ERROR here"])) == []
