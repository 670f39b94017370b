"""What takes a book at a venue back that challenges nobody."""

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.lifecycle.budget import loss_budget, spent_by

LADDER = LadderSettings()
RECORD = np.random.default_rng(1).normal(0.001, 0.01, 720)
BUDGET = loss_budget(RECORD, LADDER)


def spent(*worth: float, record: FloatArray = RECORD) -> tuple[str, ...]:
    """Bounds that a book breaks by these levels, with no complete day."""
    return spent_by(np.array(worth), np.empty(0), record, LADDER)


def test_budget_is_of_the_record_and_never_above_the_largest_fall() -> None:
    assert pytest.approx(1.5 * 0.01 * np.sqrt(365), rel=0.05) == BUDGET
    for record in (10 * RECORD, RECORD[:20], 0.0 * RECORD):
        assert loss_budget(record, LADDER) == LADDER.live_loss_fraction


def test_fall_is_from_the_highest_level_and_that_of_now() -> None:
    at_bound = 2.0 * (1.0 - BUDGET)
    assert spent(1.0, 2.0, at_bound + 1e-6) == ()
    (told,) = spent(1.0, 2.0, at_bound - 1e-6)
    assert told.endswith(f"more than its loss budget of {BUDGET:.1%}")
    assert spent(1.0, 2.0, at_bound - 1e-6, 1.9) == ()


def test_a_book_without_anything_left_has_spent_it() -> None:
    assert len(spent(0.0, 0.0)) == 1


def test_days_below_the_promised_band_are_told_and_kept_promises_are_not() -> None:
    levels = np.ones(1)
    assert spent_by(levels, RECORD[:365], RECORD, LADDER) == ()
    (told,) = spent_by(levels, RECORD[:365] - 0.006, RECORD, LADDER)
    assert "its days lie below the band" in told
