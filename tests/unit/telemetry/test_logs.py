"""What reaches a log: the decision of each line, no secret, and no line again and again."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from quant_pipelines.core.redaction import redacted
from quant_pipelines.core.telemetry_settings import LogSettings
from quant_pipelines.telemetry.lines import line_format
from quant_pipelines.telemetry.logs import write_logs
from quant_pipelines.telemetry.sparing import Sparing

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
        ("postgresql+psycopg://q:p%40ss@db:5432/q away", "postgresql+psycopg://q:<hidden>@db:5432/q away"),
        ("redis://:s3cret@cache:6379/0", "redis://:<hidden>@cache:6379/0"),
        ("http://127.0.0.1:9101/metrics at a@b.example", "http://127.0.0.1:9101/metrics at a@b.example"),
        ("connection with password=s3cret host=db", "connection with password=<hidden> host=db"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer <hidden>"),
        ("token eyJhbGciOi.eyJzdWIi.c2ln is over", "token <hidden> is over"),
        ("tgram://123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/1", "tgram://<hidden>/1"),
        ("fill 2025-06-10T12:00:00.000000 of 123456:7", "fill 2025-06-10T12:00:00.000000 of 123456:7"),
    ],
)
def test_a_secret_is_hidden_and_nothing_else(text: str, expected: str) -> None:
    assert redacted(text) == expected


def test_a_line_shows_no_signature_of_any_field_or_traceback() -> None:
    try:
        raise ValueError(SIGNED)
    except ValueError as error:
        failure = (type(error), error, error.__traceback__)
    line = line_format("json").format(record(f"asked {SIGNED}", error=SIGNED, exc_info=failure))
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


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """Root logger, which is as it was afterwards."""
    logger = logging.getLogger()
    before, level = logger.handlers[:], logger.level
    logger.handlers = []
    yield logger
    logger.handlers, logger.level = before, level


@pytest.mark.parametrize(
    ("extra", "decision"),
    [
        ({"client_order_id": "q3-17-19b7-t"}, "17-19b7"),
        ({"order": "q3-17-18d2f1m-s"}, "17-18d2f1m"),
        ({"decision": "17-19b7"}, "17-19b7"),
        ({"client_order_id": "None"}, None),
        ({}, None),
    ],
)
def test_a_line_of_an_order_names_its_decision(extra: dict[str, Any], decision: str | None) -> None:
    told = json.loads(line_format("json").format(record("order", **extra)))
    assert told.get("decision") == decision


def test_a_line_for_people_has_the_same_in_one_line() -> None:
    made = record("fill", order="q3-17-19b7-t", error=SIGNED)
    told = line_format("console").format(made)
    assert "fill" in told
    assert "decision=17-19b7" in told
    assert "4f1c" not in told
    assert "\n" not in told
    assert "\x1b" not in told  # a log file has no colors


def test_everybody_writes_to_one_place_and_libraries_write_warnings_only(root: logging.Logger) -> None:
    stream = io.StringIO()
    write_logs(LogSettings(level="DEBUG"), stream)
    logging.getLogger("live_runner").debug("ours")
    logging.getLogger("ccxt.base").info("chatter")
    logging.getLogger("ccxt.base").warning("theirs")
    told = [json.loads(line)["message"] for line in stream.getvalue().splitlines()]
    assert told == ["ours", "theirs"]
    write_logs(LogSettings(level="ERROR"), stream)
    assert len(root.handlers) == 1
    logging.getLogger("live_runner").warning("not told")
    assert "not told" not in stream.getvalue()


def test_what_is_no_json_is_written_as_text() -> None:
    told = json.loads(line_format("json").format(record("x", path=object(), at_all={1, 2})))
    assert told["path"].startswith("<object")
