"""Each trigger fires at its threshold, stands until the margin is regained, and waits for enough days."""

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import TriggerSettings
from quant_pipelines.lifecycle.triggers import Reading, is_request_due, read_correlations, read_triggers

SETTINGS = TriggerSettings()
NOTHING: FloatArray = np.empty(0)
GOOD = np.tile([0.01, 0.002, 0.006, -0.002], 8)


def reading(
    name: str, returns: FloatArray, promised: FloatArray = NOTHING, active: frozenset[str] = frozenset()
) -> Reading:
    found = {one.name: one for one in read_triggers(returns, promised, SETTINGS, active)}
    return found[name]


def active_names(returns: FloatArray, promised: FloatArray = NOTHING) -> set[str]:
    return {one.name for one in read_triggers(returns, promised, SETTINGS) if one.is_active}


def test_good_record_fires_nothing() -> None:
    assert active_names(GOOD, GOOD) == set()


@pytest.mark.parametrize(
    ("name", "returns"),
    [
        ("sharpe", np.tile([0.004, -0.005], 6)),
        ("drawdown", np.concatenate([np.full(8, 0.01), [-0.11], np.full(8, 0.01)])),
        ("no_new_high", np.concatenate([np.full(10, 0.01), [-0.09], np.tile([0.004, -0.003], 10)])),
        ("return_quantile", np.concatenate([np.full(15, 0.01), np.full(2, -0.04)])),
    ],
)
def test_bad_record_fires(name: str, returns: FloatArray) -> None:
    assert reading(name, returns).is_active


def test_record_far_below_its_own_out_of_sample_fires_the_bootstrap() -> None:
    generator = np.random.default_rng(3)
    promised = generator.normal(0.01, 0.005, 60)
    assert reading("bootstrap_quantile", np.full(20, 0.001), promised).is_active
    assert not reading("bootstrap_quantile", promised[:20], promised).is_active


def test_bootstrap_is_not_known_without_enough_out_of_sample_days() -> None:
    assert reading("bootstrap_quantile", GOOD, GOOD[:5]) == Reading("bootstrap_quantile", None, 0.05, False)


def test_too_few_days_change_nothing() -> None:
    short = np.full(SETTINGS.min_days - 1, -0.05)
    assert active_names(short) == set()
    assert reading("sharpe", short, active=frozenset({"sharpe"})).is_active


def test_trigger_stands_until_it_is_behind_its_threshold_by_the_margin() -> None:
    fall_of_9_percent = np.concatenate([np.full(8, 0.01), [-0.09], np.full(8, 0.02)])
    assert not reading("drawdown", fall_of_9_percent).is_active
    assert reading("drawdown", fall_of_9_percent, active=frozenset({"drawdown"})).is_active
    fall_of_7_percent = np.concatenate([np.full(8, 0.01), [-0.07], np.full(8, 0.02)])
    assert not reading("drawdown", fall_of_7_percent, active=frozenset({"drawdown"})).is_active


@pytest.mark.parametrize(("days", "due"), [(None, True), (1.0, False), (2.99, False), (3.0, True)])
def test_request_waits_for_the_cooldown(days: float | None, due: bool) -> None:
    standing = (Reading("sharpe", -1.0, 0.0, True),)
    assert is_request_due(standing, days, SETTINGS) is due
    assert not is_request_due((Reading("sharpe", 1.0, 0.0, False),), days, SETTINGS)


def test_volatility_beyond_what_was_promised_asks_for_a_search() -> None:
    promised = np.tile([0.01, -0.01], 50)
    calm, wild = (np.tile([scale, -scale * 0.99], 15) for scale in (0.019, 0.021))
    states = {
        name: next(
            one for one in read_triggers(days, promised, TriggerSettings()) if one.name == "volatility"
        )
        for name, days in (("calm", calm), ("wild", wild))
    }
    assert [states[name].is_active for name in ("calm", "wild")] == [False, True]
    assert states["wild"].value == pytest.approx(2.1, rel=0.01)


def test_correlation_is_read_on_shared_days_and_names_the_other() -> None:
    chance = np.random.default_rng(3)
    days = chance.standard_normal((60, 3))
    series = {1: days[:, 0], 2: days[:, 0] + 0.3 * days[:, 1], 3: days[:, 2]}
    returns = {key: dict(enumerate(values.tolist())) for key, values in series.items()}
    found = read_correlations(returns, TriggerSettings())
    assert {key: (one.is_active, other) for key, (one, other) in found.items() if one.is_active} == {
        1: (True, 2),
        2: (True, 1),
    }
    del returns[2][59]
    assert read_correlations(returns, TriggerSettings())[2] == (
        Reading("correlation", None, 0.7, is_active=False),
        None,
    )
    assert not is_request_due((found[1][0],), None, TriggerSettings())


def test_each_is_compared_with_whom_it_moves_together_most_whatever_days_they_share() -> None:
    chance, settings = np.random.default_rng(5), TriggerSettings(correlation_days=20)
    shared = chance.standard_normal(40)
    returns = {
        key: dict(enumerate((0.5 * shared + chance.standard_normal(40))[:days].tolist(), start=first))
        for key, (first, days) in enumerate([(0, 40), (0, 40), (0, 40), (5, 35), (5, 40), (0, 12)], start=1)
    }
    returns |= {7: dict(returns[2]), 8: dict.fromkeys(range(40), 0.01)}
    for own, (reading, other) in read_correlations(returns, settings).items():
        alone = {
            one: read_correlations({key: returns[key] for key in sorted((own, one))}, settings)[own][0].value
            for one in returns.keys() - {own}
        }
        known = [(value, one) for one, value in alone.items() if value is not None]
        assert (reading.value, other) == max(known, default=(None, None))
