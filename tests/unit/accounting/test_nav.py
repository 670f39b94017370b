"""Deposits issue units, withdrawals redeem them, and neither changes what a unit is worth."""

import numpy as np
import pytest

from quant_pipelines.accounting.nav import can_flow, drawdowns, growth_by, units_of, values_per_unit


def test_a_deposit_issues_units_at_the_value_before_it() -> None:
    # 100 units of an account worth 250: one is worth 2.5, so 50 buy 20 of them.
    assert 100.0 * growth_by(250.0, 50.0) == pytest.approx(120.0)


def test_a_unit_is_worth_the_same_behind_a_flow() -> None:
    for amount in (1_000.0, -240.0):
        units = 100.0 * growth_by(250.0, amount)
        assert (250.0 + amount) / units == pytest.approx(2.5)


def test_a_withdrawal_of_half_the_account_is_no_drawdown() -> None:
    equity = np.array([100.0, 110.0, 55.0, 60.5])
    units = np.array([100.0, 100.0, 50.0, 50.0])
    np.testing.assert_allclose(values_per_unit(equity, units), [1.0, 1.1, 1.1, 1.21])
    np.testing.assert_allclose(drawdowns(equity, units), 0.0, atol=1e-12)


def test_a_loss_between_flows_is_a_drawdown_of_the_unit() -> None:
    falls = drawdowns(np.array([100.0, 300.0, 270.0]), np.array([1.0, 3.0, 3.0]))
    np.testing.assert_allclose(falls, [0.0, 0.0, -0.1])


def test_units_behind_several_flows_multiply() -> None:
    held = units_of(np.array([200.0, 150.0]), np.array([-100.0, 150.0]), units=10.0)
    np.testing.assert_allclose(held, [5.0, 10.0])


def test_an_account_without_value_has_no_unit_to_issue() -> None:
    assert not can_flow(0.0, 100.0)
    assert not can_flow(100.0, -100.0)
    assert can_flow(100.0, -99.0)
