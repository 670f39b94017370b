import numpy as np

from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.lifecycle.culling import rank_deployments, worst_with_confidence

SETTINGS = LadderSettings()
LOSING = np.tile([-0.01, -0.004, 0.001], 20)
NOISE = np.tile([0.01, -0.0101], 30)


def test_worst_rests_when_even_its_upper_bound_is_below_zero() -> None:
    ranking = rank_deployments({1: NOISE, 2: LOSING}, SETTINGS)
    worst = worst_with_confidence(ranking)
    assert [one.deployment_id for one in ranking] == [2, 1]
    assert worst is not None
    assert worst.deployment_id == 2


def test_noise_is_left_alone() -> None:
    assert worst_with_confidence(rank_deployments({1: NOISE}, SETTINGS)) is None


def test_short_record_is_not_ranked() -> None:
    assert rank_deployments({1: LOSING[: SETTINGS.cull_min_days - 1]}, SETTINGS) == []
    assert worst_with_confidence([]) is None


def test_bound_is_wider_among_many() -> None:
    alone = rank_deployments({1: LOSING}, SETTINGS)[0].upper_bound
    among = rank_deployments({1: LOSING} | dict.fromkeys(range(2, 12), NOISE), SETTINGS)[0].upper_bound
    assert among > alone
