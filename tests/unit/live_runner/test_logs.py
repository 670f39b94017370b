"""What reaches a log: no signature, and no line again and again."""

import json
import logging
from typing import Any

import pytest

from live_runner.process.logs import JsonLines, Sparing
from quant_pipelines.core.redaction import redacted

SIGNED = (
    "https://fapi.binance.com/fapi/v2/positionRisk?timestamp=1767225600000&recvWindow=5000&signature=4f1c"
)


def record(message: str, at: float = 0.0, level: int = logging.WARNING, **extra: Any) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "live_runner", "msg": message, "levelno": level, **extra})
    made.created = at
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"binanceusdm GET {SIGNED}",
            "binanceusdm GET https://fapi.binance.com/fapi/v2/positionRisk?<hidden>",
        ),
        (f'{{"url": "{SIGNED}"}}', '{"url": "https://fapi.binance.com/fapi/v2/positionRisk?<hidden>"}'),
        ("POST /fapi/v1/order symbol=A&signature=4f1c", "POST /fapi/v1/order symbol=A&signature=<hidden>"),
        ("{'X-MBX-APIKEY': 'abcDEF123'}", "{'X-MBX-APIKEY': '<hidden>'}"),
        ("wss://x/private/ws?listenKey=abc", "wss://x/private/ws?<hidden>"),
        (f"wss://x/ws/{'a1' * 32}", "wss://x/ws/<hidden>"),
        (
            "https://x/fapi/v1/klines?symbol=BTCUSDT&limit=5",
            "https://x/fapi/v1/klines?symbol=BTCUSDT&limit=5",
        ),
        ("wss://x/ws/btcusdt@kline_1m", "wss://x/ws/btcusdt@kline_1m"),
    ],
)
def test_a_signature_or_key_is_hidden_and_nothing_else(text: str, expected: str) -> None:
    assert redacted(text) == expected


def test_a_line_shows_no_signature_of_any_field_or_traceback() -> None:
    try:
        raise ValueError(SIGNED)
    except ValueError as error:
        failure = (type(error), error, error.__traceback__)
    line = JsonLines().format(record(f"asked {SIGNED}", error=SIGNED, exc_info=failure))
    assert "4f1c" not in line
    assert json.loads(line)["error"].endswith("/positionRisk?<hidden>")


def test_a_warning_of_many_deployments_is_told_once_a_minute_with_its_number() -> None:
    sparing, told = Sparing(), []
    for second in range(0, 126, 6):
        for source in ("deployment:1", "deployment:2"):
            error = f"no answer, timestamp={second}"
            one = record("exchange away", float(second), source=source, error=error)
            if sparing.filter(one):
                told.append((second, getattr(one, "repeated", 0)))
    assert told == [(0, 0), (60, 19), (120, 19)]


def test_other_warnings_errors_and_what_is_booked_are_always_told() -> None:
    sparing = Sparing()
    lines = [
        record("order refused", order="q1", error="-2019"),
        record("order refused", order="q2", error="-2019"),
        record("fill", level=logging.INFO),
        record("fill", level=logging.INFO),
        record("halted", level=logging.ERROR),
        record("halted", level=logging.ERROR),
    ]
    assert all(map(sparing.filter, lines))
