"""Numbers are committed in any order: none is passed that may still come, none is waited for in vain."""

import pytest

from quant_pipelines.gateway.streams.fence import PATIENCE_SECONDS, Fence


def test_a_number_that_is_missing_holds_up_those_after_it_until_it_comes() -> None:
    fence = Fence(10)
    assert fence.advance([11, 13, 14], 0.0) == 11
    assert fence.advance([13, 14], 0.5) == 11
    assert fence.advance([12, 13, 14], 0.6) == 14


def test_a_number_that_never_comes_is_given_up() -> None:
    fence = Fence(10)
    assert fence.advance([12], 0.0) == 10
    assert fence.advance([12, 13], PATIENCE_SECONDS - 0.01) == 10
    assert fence.advance([12, 13], PATIENCE_SECONDS) == 13


@pytest.mark.parametrize("n_gaps", [2, 5])
def test_gaps_that_are_seen_together_are_waited_for_together(n_gaps: int) -> None:
    fence = Fence(0)
    seen = [2 * number for number in range(1, n_gaps + 1)]
    assert fence.advance(seen, 0.0) == 0
    assert fence.advance(seen, PATIENCE_SECONDS) == seen[-1]


def test_nothing_new_moves_nothing() -> None:
    assert Fence(7).advance([], 0.0) == 7
