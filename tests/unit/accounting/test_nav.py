"""Deposits issue units, withdrawals redeem them, and neither changes what a unit is worth."""

import pytest

from quant_pipelines.accounting.nav import can_flow, growth_by


def test_a_deposit_issues_units_at_the_value_before_it() -> None:
    # 100 units of an account worth 250: one is worth 2.5, so 50 buy 20 of them.
    assert 100.0 * growth_by(250.0, 50.0) == pytest.approx(120.0)


def test_a_unit_is_worth_the_same_behind_a_flow() -> None:
    for amount in (1_000.0, -240.0):
        units = 100.0 * growth_by(250.0, amount)
        assert (250.0 + amount) / units == pytest.approx(2.5)


def test_an_account_without_value_has_no_unit_to_issue() -> None:
    assert not can_flow(0.0, 100.0)
    assert not can_flow(100.0, -100.0)
    assert can_flow(100.0, -99.0)
