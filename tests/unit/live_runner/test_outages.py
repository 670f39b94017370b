"""What is away is decided from the vitals alone."""

from typing import Any

import pytest

from live_runner.process.outages import Vitals, outages

NOW = 1_767_225_600_000
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"


def ago(**seconds: float) -> dict[str, int]:
    return {{"btc": BTC, "eth": ETH}[name]: NOW - int(1000 * value) for name, value in seconds.items()}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"answered_ms": NOW - 8_000}, []),
        (
            {"answered_ms": NOW - 9_000},
            [("venue", 9, "binanceusdm has not answered since 2025-12-31 23:59:51 UTC")],
        ),
        (
            {"answered_ms": NOW - 9_000, "error": "its certificate is refused"},
            [
                (
                    "venue",
                    9,
                    "binanceusdm has not answered since 2025-12-31 23:59:51 UTC: its certificate is refused",
                )
            ],
        ),
        (
            {"broken_ms": ago(btc=3)},
            [("venue", 3, "binanceusdm takes no orders of BTC/USDT:USDT since 2025-12-31 23:59:57 UTC")],
        ),
        ({"answered_ms": NOW - 4_000, "broken_ms": ago(btc=3)}, []),
        (
            {"answered_ms": NOW - 4_000, "broken_ms": ago(btc=3), "error": "refused"},
            [
                (
                    "venue",
                    3,
                    "binanceusdm takes no orders of BTC/USDT:USDT since 2025-12-31 23:59:57 UTC: refused",
                )
            ],
        ),
        (
            {"answered_ms": NOW - 9_000, "broken_ms": ago(btc=12)},
            [("venue", 12, "binanceusdm has not answered since 2025-12-31 23:59:48 UTC")],
        ),
        ({"heard_ms": ago(btc=9, eth=9)}, []),
        ({"heard_ms": ago(btc=1, eth=40)}, []),
        (
            {"heard_ms": ago(btc=1, eth=61)},
            [("data", 61, "no fresh data of ETH/USDT:USDT since 2025-12-31 23:58:59 UTC")],
        ),
        (
            {"heard_ms": ago(btc=11, eth=12)},
            [("data", 12, "no fresh data of BTC/USDT:USDT, ETH/USDT:USDT since 2025-12-31 23:59:48 UTC")],
        ),
        ({"clock_error_ms": 1_000}, []),
        (
            {"clock_error_ms": -2_500},
            [("clock", 0, "our clock was 2.5 s ahead of the exchange's, more than 1 s")],
        ),
        ({"missing_ms": ago(btc=10)}, []),
        (
            {"missing_ms": ago(btc=13), "heard_ms": ago(btc=1)},
            [
                (
                    "data",
                    13,
                    "the newest bar of BTC/USDT:USDT is asked for in vain since 2025-12-31 23:59:47 UTC",
                )
            ],
        ),
    ],
)
def test_what_is_away_is_named_with_its_begin_in_one_sentence(
    changed: dict[str, Any], expected: list[tuple[str, int, str]]
) -> None:
    found = outages(Vitals(NOW, "binanceusdm", NOW)._replace(**changed))
    assert [(one.what, (NOW - one.since_ms) // 1000, one.sentence) for one in found] == expected


def test_a_venue_that_is_away_takes_its_data_along() -> None:
    found = outages(Vitals(NOW, "binanceusdm", NOW - 11_000, heard_ms=ago(btc=11)))
    assert [one.what for one in found] == ["venue", "data"]
