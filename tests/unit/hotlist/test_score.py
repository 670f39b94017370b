import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.hotlist import FACTORS, HotScore, score_symbols
from quant_pipelines.hotlist.factors import NAMES as FACTOR_NAMES
from quant_pipelines.hotlist.score import robust_z

WINSOR_Z = HotListSettings().winsor_z
WEIGHTS = {one.name: one.weight for one in FACTORS}
NAMES = ("AAA", "BBB", "CCC", "DDD", "EEE")


def raw(**changes: float) -> dict[str, dict[str, float]]:
    """Five symbols with factors 0 to 4; ``BBB_funding=…`` changes one."""
    table = {name: dict.fromkeys(FACTOR_NAMES, float(at)) for at, name in enumerate(NAMES)}
    for key, value in changes.items():
        symbol, factor = key.split("_", 1)
        table[symbol][factor] = value
    return table


def by_symbol(scores: list[HotScore]) -> dict[str, HotScore]:
    return {one.symbol: one for one in scores}


def test_score_is_the_weighted_sum_of_robust_z() -> None:
    scores = by_symbol(score_symbols(raw(), WEIGHTS, WINSOR_Z))
    z = (4.0 - 2.0) / (1.4826 * 1.0)
    assert scores["EEE"].score == pytest.approx(z)
    assert scores["CCC"].score == 0.0


def test_weights_of_the_formula_sum_to_one() -> None:
    assert math.fsum(WEIGHTS.values()) == pytest.approx(1.0)


def test_each_factor_counts_with_its_weight() -> None:
    for name, weight in WEIGHTS.items():
        assert by_symbol(score_symbols(raw(), WEIGHTS, WINSOR_Z))["AAA"].factors[name].weight == weight


def test_ranks_run_from_the_hottest() -> None:
    assert [(one.rank, one.symbol) for one in score_symbols(raw(), WEIGHTS, WINSOR_Z)] == [
        (1, "EEE"), (2, "DDD"), (3, "CCC"), (4, "BBB"), (5, "AAA"),
    ]  # fmt: skip


def test_weight_of_a_missing_factor_is_shared_out_and_flagged() -> None:
    score = by_symbol(score_symbols(raw(EEE_open_interest_change=math.nan), WEIGHTS, WINSOR_Z))["EEE"]
    weights = {name: term.weight for name, term in score.factors.items()}
    assert score.flags == ("missing open_interest_change",)
    assert weights["open_interest_change"] == 0.0
    assert math.fsum(weights.values()) == pytest.approx(1.0)
    assert weights["volatility_jump"] == pytest.approx(0.30 / 0.80)


def test_symbol_without_any_factor_scores_zero() -> None:
    nothing = {f"AAA_{name}": math.nan for name in FACTOR_NAMES}
    score = by_symbol(score_symbols(raw(**nothing), WEIGHTS, WINSOR_Z))["AAA"]
    assert (score.score, len(score.flags)) == (0.0, 5)


def test_indicator_counts_once_it_has_a_weight_by_its_direction() -> None:
    only = dict.fromkeys(FACTOR_NAMES, 0.0) | {"market_cap": 1.0}
    scores = by_symbol(score_symbols(raw(), only, WINSOR_Z))
    assert [scores[name].rank for name in NAMES] == [1, 2, 3, 4, 5]  # the smallest is the hottest


def test_indicator_without_a_weight_is_never_missed() -> None:
    scores = by_symbol(score_symbols(raw(AAA_market_cap=math.nan), WEIGHTS, WINSOR_Z))
    assert scores["AAA"].flags == ()
    assert math.isnan(scores["AAA"].factors["market_cap"].raw)


def test_outlier_is_cut_at_the_winsor_limit() -> None:
    score = by_symbol(score_symbols(raw(EEE_turnover=1e9), WEIGHTS, WINSOR_Z))["EEE"]
    assert score.factors["turnover"].z == WINSOR_Z


def test_fewer_than_three_known_values_are_missing_everywhere() -> None:
    assert np.isnan(robust_z(np.array([1.0, 2.0, np.nan]), 3.0)).all()


def test_equal_values_deviate_from_nothing() -> None:
    assert (robust_z(np.full(4, 7.0), 3.0) == 0.0).all()


def test_mostly_equal_values_fall_back_to_the_standard_deviation() -> None:
    z = robust_z(np.array([1.0, 1.0, 1.0, 1.0, 2.0]), 3.0)
    assert z[0] == 0.0
    assert z[-1] == pytest.approx(2.5)


@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=3, max_size=20))
@example([0.0, 1.0, 2.2e-311])
def test_z_is_bounded_and_nan_stays_nan(values: list[float]) -> None:
    array = np.array(values)
    z = robust_z(array, 3.0)
    assert np.isnan(z[np.isnan(array)]).all()
    assert (np.abs(z[~np.isnan(z)]) <= 3.0).all()
