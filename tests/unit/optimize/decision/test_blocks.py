"""How many days a block holds."""

import numpy as np
import pytest

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.optimize.decision import block_length, politis_white_length


@pytest.mark.parametrize("constant", [0.0, 0.0005, -1.0])
def test_a_record_that_never_moves_says_nothing(constant: float) -> None:
    days = 0.02 * np.random.default_rng(1).standard_normal((500, 1))
    beside = np.column_stack([days, np.full(500, constant)])
    assert politis_white_length(beside) == politis_white_length(days)


def test_without_any_record_a_block_is_a_day() -> None:
    assert politis_white_length(np.full((300, 2), np.nan)) == 1.0


def test_a_block_is_no_shorter_than_the_longest_holding() -> None:
    days = 0.02 * np.random.default_rng(1).standard_normal((500, 3))
    assert block_length(days, 30) == 30


def test_a_holding_of_less_than_a_day_is_refused() -> None:
    with pytest.raises(OptimizationError, match="longest_holding_days is 0; expected at least 1"):
        block_length(np.zeros((10, 1)), 0)
