"""Who is one member of the family."""

import numpy as np
import pytest

from quant_pipelines.optimize.decision import near_twins, pooled_at_equal_risk


def test_a_still_candidate_has_no_weight_in_its_pool() -> None:
    """Its deviation is zero, or the rounding of running sums, of which the weight would be one over."""
    days = 0.02 * np.random.default_rng(1).standard_normal((400, 2))
    days[100:250, 0] = 0.0
    pool = pooled_at_equal_risk(days, ["ema", "ema"]).returns[:, 0]
    assert pool[161:250] == pytest.approx(days[161:250, 1], rel=1e-12)


def test_leverage_of_a_candidate_does_not_move_the_others_out_of_its_pool() -> None:
    days = 0.02 * np.random.default_rng(2).standard_normal((300, 2))
    pool = pooled_at_equal_risk(days * [1.0, 50.0], ["ema", "ema"]).returns[60:, 0]
    shares = [abs(np.corrcoef(pool, column)[0, 1]) for column in days[60:].T]
    assert shares == pytest.approx([np.sqrt(0.5)] * 2, abs=0.08)


def test_a_pool_begins_with_its_first_candidate_and_others_join_with_their_eleventh_day() -> None:
    days = 0.02 * np.random.default_rng(3).standard_normal((40, 2))
    days[:5, 0], days[:20, 1] = np.nan, np.nan
    pool = pooled_at_equal_risk(days, ["ema", "ema"]).returns[:, 0]
    assert np.isnan(pool[:5]).all()
    assert pool[5:30] == pytest.approx(days[5:30, 0], rel=1e-12)
    assert pool[31] != pytest.approx(days[31, 0], rel=1e-6)


def test_in_a_pools_first_ten_days_all_who_have_begun_count_alike() -> None:
    days = 0.02 * np.random.default_rng(3).standard_normal((40, 3)) * [1.0, 5.0, 1.0]
    days[:4, 1] = np.nan
    counted = np.ones(days.shape, dtype=bool)
    counted[:, 2] = False
    pool = pooled_at_equal_risk(days, ["ema"] * 3, counted=counted).returns[:, 0]
    assert pool[:4] == pytest.approx(days[:4, 0], rel=1e-12)
    assert pool[4:10] == pytest.approx(days[4:10, :2].mean(axis=1), rel=1e-12)
    assert pool[10:14] == pytest.approx(days[10:14, 0], rel=1e-12)  # the second's risk is not known yet


def test_a_pool_whose_candidates_all_rest_earns_nothing() -> None:
    days = 0.02 * np.random.default_rng(4).standard_normal((200, 1))
    days[50:] = 0.0
    assert (pooled_at_equal_risk(days, ["ema"]).returns[50:] == 0.0).all()


@pytest.mark.parametrize(("n_days", "groups"), [(200, [0, 0, 1]), (9, [0, 1, 2])])
def test_twins_are_told_only_from_days_enough(n_days: int, groups: list[int]) -> None:
    one, other = 0.01 * np.random.default_rng(5).standard_normal((2, n_days))
    assert near_twins(np.column_stack([one, 3.0 * one, other])).tolist() == groups


def test_opposites_are_no_twins() -> None:
    one = 0.01 * np.random.default_rng(6).standard_normal(200)
    assert near_twins(np.column_stack([one, -one])).tolist() == [0, 1]
