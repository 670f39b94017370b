"""Published and doubly computed figures; the source of each stands in reference.md."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant_pipelines.optimize.overfit import (
    cross_validate,
    deflated_sharpe_ratio,
    effective_number_of_trials,
    expected_maximum_sharpe,
    minimum_track_record_length,
    moments_of,
    probabilistic_sharpe_ratio,
    probability_of_backtest_overfitting,
    sharpe_of_columns,
)


@pytest.fixture(name="figures", scope="module")
def read_figures() -> dict[str, Any]:
    return json.loads((_folder() / "reference.json").read_text())  # type: ignore[no-any-return]


def _folder() -> Path:
    folder = Path(__file__).resolve().parents[3] / "shared" / "reference"
    if not (folder / "reference.json").exists():
        pytest.skip("reference figures are not on this machine")
    return folder


def _matrix(name: str, columns: slice = slice(None)) -> np.ndarray:
    lines = (_folder() / "ref" / name).read_text().splitlines()
    rows = [line.split(",") for line in lines]
    if any(character.isalpha() for character in rows[0][-1].replace("e-", "")):
        rows = rows[1:]
    if "-" in rows[0][0][1:5]:
        rows = [row[1:] for row in rows]
    return np.array(rows, dtype=float)[:, columns]


def test_expected_maximum_of_standard_normals_matches_the_paper(figures: dict[str, Any]) -> None:
    for n, expected in figures["dsr"]["expected_max_standard_normal"].items():
        assert expected_maximum_sharpe(n_trials=int(n), trial_variance=1.0) == pytest.approx(
            expected, rel=1e-9
        )


def test_deflated_sharpe_ratio_matches_the_paper(figures: dict[str, Any]) -> None:
    for case in figures["dsr"]["cases"]:
        value = deflated_sharpe_ratio(
            case["sr"],
            n_observations=case["T"],
            n_trials=case["N"],
            trial_variance=case["var_sr"],
            skew=case["skew"],
            kurtosis=case["kurt"],
        )
        assert value == pytest.approx(case["dsr"], abs=1e-10)
        if case["published"]:
            assert round(value, 4) == case["published"]


def test_deflated_sharpe_ratio_of_real_trials_matches(figures: dict[str, Any]) -> None:
    case = figures["dsr"]["real_trials"]
    returns = _matrix("spa_returns.csv", slice(-8, None))
    assert returns.shape == (case["T"], case["N"])
    sharpes = sharpe_of_columns(returns)
    assert sharpes == pytest.approx(list(case["sr_per_day"].values()), rel=1e-9)
    best = moments_of(returns[:, int(np.argmax(sharpes))])
    assert best.skew == pytest.approx(case["skew_biased"], rel=1e-9)
    assert best.kurtosis == pytest.approx(case["kurt_pearson_biased"], rel=1e-9)
    shape = {"skew": best.skew, "kurtosis": best.kurtosis}
    deflated = deflated_sharpe_ratio(
        best.sharpe,
        n_observations=best.n_observations,
        n_trials=case["N"],
        trial_variance=float(np.var(sharpes, ddof=1)),
        **shape,
    )
    assert deflated == pytest.approx(case["dsr"], abs=1e-10)
    assert minimum_track_record_length(best.sharpe, **shape) == pytest.approx(
        case["min_trl_95_vs_0"], rel=1e-9
    )


def test_probabilistic_sharpe_ratio_matches_the_paper(figures: dict[str, Any]) -> None:
    for case in figures["psr"]["psr"]:
        value = probabilistic_sharpe_ratio(
            case["sr"],
            n_observations=case["T"],
            skew=case["skew"],
            kurtosis=case["kurt"],
            benchmark=case["benchmark"],
        )
        assert value == pytest.approx(case["psr"], abs=1e-10)
        if case["published"]:
            assert round(value, 3) == case["published"]


def test_minimum_track_record_length_matches_the_paper(figures: dict[str, Any]) -> None:
    for case in figures["psr"]["min_trl"]:
        periods = case["periods"]
        value = minimum_track_record_length(
            case["sr_ann"] / periods**0.5,
            benchmark=case["bench_ann"] / periods**0.5,
            skew=case["skew"],
            kurtosis=case["kurt"],
            confidence=case["p"],
        )
        assert value == pytest.approx(case["min_trl"], rel=1e-9)
        assert value / periods == pytest.approx(case["published_years"], abs=0.005)


def test_probability_of_overfitting_matches_two_implementations(figures: dict[str, Any]) -> None:
    for name, case in figures["pbo"]["cases"].items():
        returns = _overfit_matrix(name)
        result = cross_validate(returns, n_blocks=case["S"])
        assert result.logits.size == case["combos"], name
        assert result.probability_of_overfitting == pytest.approx(case["pbo_le0"], abs=1e-12), name
        assert result.probability_of_loss == pytest.approx(case["prob_loss"], abs=1e-12), name
        assert float(result.logits.mean()) == pytest.approx(case["mean_logit"], abs=1e-9), name
        for row, first in enumerate(case["first5"]):
            assert result.best[row] == first["best"], name
            assert result.in_sample[row] == pytest.approx(first["is_"], abs=1e-10), name
            assert result.out_of_sample[row] == pytest.approx(first["oos"], abs=1e-10), name


def _overfit_matrix(name: str) -> np.ndarray:
    if name.startswith("real"):
        return _matrix("spa_returns.csv", slice(-8, None))[:720]
    return _matrix(f"pbo_{name.rsplit('_', 1)[0]}.csv")


def test_probability_of_overfitting_of_noise_is_one_half_on_average() -> None:
    generator = np.random.default_rng(7)
    values = [
        probability_of_backtest_overfitting(generator.normal(0, 0.01, (160, 20)), n_blocks=8)
        for _ in range(100)
    ]
    assert np.mean(values) == pytest.approx(0.48, abs=0.07)


def test_best_of_trials_that_all_carry_the_edge_ranks_anywhere_and_seldom_loses() -> None:
    generator = np.random.default_rng(7)
    found = [
        cross_validate(generator.normal(0.004, 0.01, (160, 20)), n_blocks=8)  # Sharpe ratios near 8
        for _ in range(50)
    ]
    assert np.mean([one.probability_of_overfitting for one in found]) == pytest.approx(0.48, abs=0.1)
    assert max(one.probability_of_loss for one in found) < 0.2


def test_effective_trials_of_copies_is_one_and_of_noise_is_all() -> None:
    generator = np.random.default_rng(7)
    noise = generator.normal(0, 0.01, (2000, 30))
    assert effective_number_of_trials(np.repeat(noise[:, :1], 30, axis=1)) == pytest.approx(1.0)
    assert effective_number_of_trials(noise) == pytest.approx(30.0, rel=0.05)


def test_best_that_does_not_trade_in_the_other_half_has_earned_nothing() -> None:
    """One that holds nothing there loses nothing either, and is no proof of an edge."""
    earned = np.tile([0.01, 0.03], 4)
    only_first = np.concatenate([earned, np.zeros(8)])
    found = cross_validate(np.column_stack([only_first, -only_first]), n_blocks=2)
    assert found.out_of_sample[0] == 0.0
    assert found.probability_of_loss == 0.5
