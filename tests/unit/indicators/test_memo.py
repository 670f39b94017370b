"""What a sweep remembers is computed once, and never given for other arrays."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators import Memo, remembered, remembering, sma


@remembered
def logarithms(values: FloatArray) -> FloatArray:
    return np.log(values)


def test_function_of_a_strategy_and_what_is_made_of_its_result_are_computed_once() -> None:
    close = np.arange(1.0, 9.0)
    with remembering(Memo([close], max_bytes=10_000)):
        assert logarithms(close) is logarithms(close)
        assert sma(logarithms(close), 3) is sma(logarithms(close), 3)
        assert not logarithms(close).flags.writeable
    assert logarithms(close) is not logarithms(close)


def test_what_was_made_of_a_forgotten_result_is_not_given_for_an_array_at_its_address() -> None:
    close = np.arange(1.0, 513.0)
    with remembering(Memo([close], max_bytes=3 * close.nbytes)):
        for window in range(2, 200):  # each forgets older ones, whose memory is used again
            first = sma(close, window)
            assert np.array_equal(sma(first[window:].copy(), 2), sma(first[window:], 2), equal_nan=True)
            second = sma(first, 2)
            expected = np.concatenate([[np.nan], (first[1:] + first[:-1]) / 2.0])
            np.testing.assert_allclose(second, expected)


def test_arrays_that_are_not_known_are_not_remembered() -> None:
    with remembering(Memo([], max_bytes=10_000)):
        close = np.arange(1.0, 9.0)
        assert sma(close, 3) is not sma(close, 3)
