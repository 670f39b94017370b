"""What a sweep remembers is computed once, and never given for other arrays."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators import Memo, remembered, remembering, sma
from quant_pipelines.sdk import Turns


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


def test_arrays_that_are_named_are_known_and_what_can_be_no_key_is_computed() -> None:
    @remembered
    def weighted(values: FloatArray, weights: list[float]) -> FloatArray:
        return values * sum(weights)

    close = np.arange(1.0, 9.0)
    with remembering(Memo([close], max_bytes=10_000)):
        assert sma(values=close, window=3) is sma(window=3, values=close)
        assert weighted(close, [1.0, 2.0])[0] == 3.0


def test_only_what_is_made_of_arrays_is_remembered() -> None:
    @remembered
    def named(values: FloatArray) -> dict[str, FloatArray]:
        return {"log": np.log(values)}

    @remembered
    def turns(values: FloatArray) -> Turns:
        return Turns(np.array([0]), values[:1].copy(), values.size)

    close = np.arange(1.0, 9.0)
    with remembering(Memo([close], max_bytes=10_000)):
        assert named(close) is not named(close)  # could neither be counted nor kept from changes
        assert turns(close) is turns(close)
