"""A key that may move money is refused; a record counts only when every step held."""

from datetime import UTC, datetime, timedelta

import pytest

from quant_pipelines.trading.certificate import KeyPermissions, Proof, has_passed, key_fault, key_warnings

NOW = datetime(2026, 1, 31, tzinfo=UTC)
GOOD = KeyPermissions(trades=True, withdraws=False, transfers=False, has_ip_list=True, expires_at=None)


@pytest.mark.parametrize(
    ("permissions", "sentence"),
    [
        (GOOD, ""),
        (GOOD._replace(has_ip_list=False), ""),
        (GOOD._replace(withdraws=True), "the API key may withdraw; expected"),
        (GOOD._replace(transfers=True), "the API key may transfer; expected"),
        (GOOD._replace(trades=False), "the API key may not trade futures; expected"),
        (
            GOOD._replace(withdraws=True, transfers=True),
            "the API key may withdraw and may transfer; expected",
        ),
    ],
)
def test_a_key_may_trade_and_nothing_else(permissions: KeyPermissions, sentence: str) -> None:
    fault = key_fault(permissions)
    assert fault.startswith(sentence)
    assert bool(fault) == bool(sentence)


@pytest.mark.parametrize(
    ("permissions", "warnings"),
    [
        (GOOD, []),
        (GOOD._replace(expires_at=NOW + timedelta(days=15)), []),
        (
            GOOD._replace(expires_at=NOW + timedelta(days=13)),
            ["the API key ends on 2026-02-13; expected more than 14 days from now"],
        ),
        (
            GOOD._replace(has_ip_list=False),
            ["the API key may be used from any address; expected a list of addresses"],
        ),
    ],
)
def test_what_a_person_should_mend_is_told(permissions: KeyPermissions, warnings: list[str]) -> None:
    assert key_warnings(permissions, NOW) == warnings


def test_one_step_that_failed_is_no_certificate() -> None:
    held, failed = Proof("time", passed=True, evidence=""), Proof("stop", passed=False, evidence="")
    assert has_passed([held])
    assert not has_passed([held, failed])
    assert not has_passed([])
