"""Which hypotheses fall, worked out by hand on nine paths."""

import numpy as np
import pytest

from quant_pipelines.optimize.decision import StepDown, YearsError, step_down

# Maxima of the rows are 1 to 9; of the second column alone, one tenth of that.
PATHS = np.column_stack([np.arange(1.0, 10.0), np.arange(1.0, 10.0) / 10.0])
NOBODY = np.zeros(PATHS.shape, dtype=bool)
BOTH = np.ones(2, dtype=bool)


def stepped(observed: list[float], *, crossed: np.ndarray = NOBODY, spent: float = 0.2) -> StepDown:
    return step_down(
        np.array(observed),
        PATHS,
        crossed=crossed,
        standing=BOTH,
        error=YearsError(spent, max(spent, 0.5)),
    )


@pytest.mark.parametrize(
    ("spent", "critical"),
    [(0.09, np.inf), (0.1, 9.0), (0.2, 8.0), (0.3, 7.0), (0.5, 5.0), (1.0, 1.0)],
)
def test_critical_value_counts_the_observed_one_as_a_resample(spent: float, critical: float) -> None:
    assert stepped([0.0, 0.0], spent=spent).critical == critical


def test_what_equals_the_critical_value_stands() -> None:
    assert not stepped([8.0, 0.0]).rejected.any()
    assert stepped([8.001, 0.0]).rejected.tolist() == [True, False]


def test_second_falls_once_the_first_is_out_of_the_way() -> None:
    step = stepped([8.5, 0.85])
    assert step.rejected.tolist() == [True, True]
    assert not stepped([7.5, 0.85]).rejected.any()


def test_paths_that_crossed_before_have_spent_their_share() -> None:
    crossed = NOBODY.copy()
    crossed[0, 0] = True  # the lowest path of all: its share is spent, whatever it shows now
    assert stepped([0.0, 0.0], crossed=crossed).critical == 9.0


def test_a_crossing_of_what_has_fallen_counts_no_more() -> None:
    crossed = NOBODY.copy()
    crossed[:2, 0] = True
    step = step_down(
        np.array([0.0, 0.85]),
        PATHS,
        crossed=crossed,
        standing=np.array([False, True]),
        error=YearsError(0.2, 0.5),
    )
    assert step.rejected.tolist() == [False, True]


def test_critical_value_at_last_is_that_of_the_whole_error() -> None:
    assert stepped([0.0, 0.0], spent=0.1).critical_at_last == 5.0


def test_nothing_stands_nothing_falls() -> None:
    step = step_down(
        np.array([99.0, 99.0]),
        PATHS,
        crossed=NOBODY,
        standing=np.zeros(2, dtype=bool),
        error=YearsError(0.2, 0.5),
    )
    assert (step.critical, step.rejected.any()) == (np.inf, False)
