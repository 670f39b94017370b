"""The rolling regression and its test equal least squares on each window by itself."""

import numpy as np

from quant_pipelines.indicators import cointegration

N, WINDOW = 400, 60


def related(seed: int, *, pull: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    other = np.cumsum(rng.normal(0.0, 0.01, N)) + 8.0
    apart = np.zeros(N)
    for i in range(1, N):
        apart[i] = (1.0 - pull) * apart[i - 1] + rng.normal(0.0, 0.004)
    return 1.5 * other + apart + 2.0, other


def test_every_window_equals_numpys_least_squares() -> None:
    one, other = related(1, pull=0.2)
    found = cointegration(one, other, WINDOW)
    assert np.isnan(found.slope[: WINDOW - 1]).all()
    for end in range(WINDOW, N + 1, 37):
        y, x = one[end - WINDOW : end], other[end - WINDOW : end]
        (slope, offset), *_ = np.linalg.lstsq(np.column_stack([x, np.ones(WINDOW)]), y, rcond=None)
        residual = y - slope * x - offset
        design = np.column_stack([residual[:-1], np.ones(WINDOW - 1)])
        (rate, _), squares, *_ = np.linalg.lstsq(design, np.diff(residual), rcond=None)
        inverse = np.linalg.inv(design.T @ design)
        statistic = rate / np.sqrt(squares[0] / (WINDOW - 3) * inverse[0, 0])
        np.testing.assert_allclose(found.slope[end - 1], slope, rtol=1e-9)
        np.testing.assert_allclose(found.z[end - 1], residual[-1] / residual.std(), rtol=1e-7)
        np.testing.assert_allclose(found.statistic[end - 1], statistic, rtol=1e-7)


def test_a_bond_has_a_lower_statistic_than_two_walks() -> None:
    bound = cointegration(*related(2, pull=0.3), WINDOW).statistic
    loose = cointegration(*related(2, pull=0.0), WINDOW).statistic
    assert np.nanmedian(bound) < -3.4 < np.nanmedian(loose)


def test_a_series_that_stands_still_has_no_value() -> None:
    still = np.full(N, 4.0)
    assert np.isnan(cointegration(still, still, WINDOW).statistic).all()
