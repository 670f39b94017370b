"""Published and independently computed values of what weights are made of."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant_pipelines.portfolio.allocation.estimates import (
    annual_volatility,
    ewma_variance,
    kelly_weight,
    risk_weight,
)
from quant_pipelines.portfolio.allocation.tilts import ucb1_indices


@pytest.fixture(scope="module")
def document(reference: Path) -> dict[str, Any]:
    return json.loads((reference / "reference.json").read_text())  # type: ignore[no-any-return]


def test_weights_of_the_volatility_target_equal_the_reference(document: dict[str, Any]) -> None:
    for case in document["vol_target"]["cases"]:
        found = [
            risk_weight(share, case["target_vol"], own, case["w_max"])
            for share, own in zip(case["risk_budget"], case["realized_vol"], strict=True)
        ]
        # The reference leaves open what is done without a volatility: here nothing is held then.
        assert found == pytest.approx([0.0 if wanted is None else wanted for wanted in case["w"]], rel=1e-12)


def test_kelly_weights_of_normal_returns_equal_the_reference(document: dict[str, Any]) -> None:
    for case in document["kelly"]["gaussian f=mu/sigma^2"]:
        found = kelly_weight(case["mu"] / case["sigma"], case["sigma"], 1.0)
        assert found == pytest.approx(case["f"], rel=1e-12)


def test_half_the_kelly_weight_keeps_three_quarters_of_the_growth(document: dict[str, Any]) -> None:
    share = document["kelly"]["half_kelly_growth_share"]
    for case in document["kelly"]["gaussian f=mu/sigma^2"]:
        mean, deviation = case["mu"], case["sigma"]
        full, half = (kelly_weight(mean / deviation, deviation, part) for part in (1.0, 0.5))
        grown = [weight * mean - 0.5 * (weight * deviation) ** 2 for weight in (full, half)]
        assert grown == pytest.approx([case["growth_full"], share * case["growth_full"]], rel=1e-12)


def test_volatilities_equal_the_reference(document: dict[str, Any]) -> None:
    case = document["realized_vol"]
    returns = np.array(case["log_returns"])
    found = ewma_variance(returns, mean_age=1.0 / (1.0 - 0.94))
    assert found == pytest.approx(case["ewma_lambda_0.94_var(seed first r^2)"], rel=1e-12)
    # Twenty days at least are asked for: the same five four times over keep their squares.
    four_times = np.concatenate([returns - returns.mean()] * 4)
    squares = float(np.square(four_times).sum()) / (four_times.size - 1)
    assert annual_volatility(four_times, 0.01) >= np.sqrt(365 * squares) * (1 - 1e-12)
    assert float(np.std(returns, ddof=1)) * np.sqrt(365) == pytest.approx(case["ann_365"], rel=1e-12)


def test_indices_of_ucb1_follow_the_reference_step_by_step(document: dict[str, Any]) -> None:
    trace = document["bandit"]["ucb1_trace"]
    sums, pulls = [1.0, 0.0, 1.0], [1, 1, 1]
    for step in trace["steps"]:
        indices = ucb1_indices([total / count for total, count in zip(sums, pulls, strict=True)], pulls)
        assert indices.tolist() == pytest.approx(step["index"], rel=1e-12)
        assert int(indices.argmax()) == step["arm"]
        sums[step["arm"]] += step["reward"]
        pulls[step["arm"]] += 1
