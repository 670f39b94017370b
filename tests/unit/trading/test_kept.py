"""What is kept of what a strategy did at a copy of its desk: every row of the table."""

import itertools

import pytest

from quant_pipelines.trading.kept import Since, dropped

HALTED = "the book was halted, closed or taken off its stage before it was placed"
LEFT = "the position was left by another exit before it was placed"
LIMITED = "limits were set anew before it was placed"
CASES = {
    (True, False, False): (None, None),
    (True, True, False): (LEFT, None),
    (True, False, True): (LIMITED, None),
    (True, True, True): (LEFT, None),
    (False, False, False): (HALTED, HALTED),
    (False, True, False): (HALTED, HALTED),
    (False, False, True): (HALTED, HALTED),
    (False, True, True): (HALTED, HALTED),
}


@pytest.mark.parametrize("since", list(itertools.product((True, False), repeat=3)))
def test_the_first_thing_that_happened_decides_what_is_dropped(since: tuple[bool, bool, bool]) -> None:
    found = tuple(dropped(Since(*since), reduce_only=reduces) for reduces in (False, True))
    assert found == CASES[since]
