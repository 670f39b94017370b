"""Answers fit into a message, whatever the gateway shows."""

from typing import Any

import pytest

from quant_pipelines.telegram.replies import LONGEST, answer_of, within_limit

AS_OF = "2025-06-10T12:00:00.123Z"


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    "text", ["", "x" * 4096, "x" * 9000, "😀" * 4000, "line 😀\n" * 2000, "a\n" + "x" * 9000]
)
def test_a_text_is_neither_empty_nor_too_long(text: str) -> None:
    found = within_limit(text)
    assert 0 < units(found) <= LONGEST
    found.encode()  # no half of a pair is left


def test_lines_that_do_not_fit_are_counted() -> None:
    found = within_limit("\n".join(f"line {number}" for number in range(1000)))
    kept = found.splitlines()
    assert kept[-1] == f"… {1000 - len(kept) + 1} lines more: the console shows them"


def deployment(number: int, **changed: Any) -> dict[str, Any]:
    plain = {"id": number, "strategy": "ema_cross", "symbol": "BTC/USDT:USDT", "timeframe": "1h"}
    return plain | {"stage": "live", "capital": "1000", "equity": 1010.1} | changed


def test_profit_is_what_is_worth_more_than_was_paid_in() -> None:
    rows = [
        deployment(1),
        deployment(2, equity=940.0, stage="paper"),
        deployment(3, equity=None),
        deployment(4, stage="retired"),
    ]
    assert answer_of("profit", {"as_of": AS_OF, "rows": rows}).splitlines() == [
        "Against capital: -49.90 (-2.50 %), 2025-06-10 12:00:00 UTC",
        "1 ema_cross BTC/USDT:USDT 1h live: +10.10 (+1.01 %)",
        "2 ema_cross BTC/USDT:USDT 1h paper: -60.00 (-6.00 %)",
        "3 ema_cross BTC/USDT:USDT 1h: no bar yet",
    ]


def test_a_short_position_earns_when_the_price_falls() -> None:
    row = {"deployment_id": 3, "strategy": "ema_cross", "symbol": "BTC/USDT:USDT", "quantity": "-0.50"}
    row |= {"entry_price": "100", "price": 90.0, "stop_price": "110"}
    assert answer_of("positions", {"as_of": AS_OF, "rows": [row]}).splitlines() == [
        "1 held, 2025-06-10 12:00:00 UTC",
        "3 ema_cross BTC/USDT:USDT: -0.5 at 100, now 90, open +5.00, stop 110",
    ]
    nothing = answer_of("positions", {"as_of": AS_OF, "rows": []})
    assert nothing == "Nothing is held, 2025-06-10 12:00:00 UTC"


def test_status_names_what_is_halted_and_away() -> None:
    document: dict[str, Any] = {"state": "HALTED", "last_sign_of_life": AS_OF, "proposals": []}
    document |= {"halts": [{"source": "account", "message": "halted by ann: storm", "at": AS_OF}]}
    document |= {"outages": [{"source": "outage:venue", "message": "the venue does not answer"}]}
    assert answer_of("status", document).splitlines() == [
        "Runner: HALTED, last sign of life 2025-06-10 12:00:00 UTC",
        "Away: the venue does not answer",
        "Halted: account since 2025-06-10 12:00:00 UTC: halted by ann: storm",
    ]
    away = {"state": "away", "last_sign_of_life": None, "proposals": [], "halts": [], "outages": []}
    assert answer_of("status", away) == "Runner: away, last sign of life never\nNo halt stands"
