"""How a line of a log reads: JSON, or a line for people, with its decision, and without any secret."""

import logging
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

from quant_pipelines.core.ids import decision_of
from quant_pipelines.core.redaction import redacted
from quant_pipelines.core.telemetry_settings import LogFormat
from quant_pipelines.telemetry.lean_structlog import (
    ConsoleRenderer,
    ExtraAdder,
    JSONRenderer,
    ProcessorFormatter,
    plain_traceback,
)

_ORDER_FIELDS: Final = ("order", "client_order_id")
_Line = MutableMapping[str, Any]


def line_format(kind: LogFormat) -> logging.Formatter:
    """Format of every line of a process, whoever wrote it: ours and those of libraries.

    Fields passed as ``extra`` become members, and so does the traceback. A line of an order or a fill names
    the decision that it follows from. No line shows a signature, a key, a password or a token.
    """
    renderers = [_with_traceback, _as_json()] if kind == "json" else [_for_people()]
    return _Redacted(
        processors=[ProcessorFormatter.remove_processors_meta, *renderers],
        foreign_pre_chain=[_known, ExtraAdder(), _decided],
    )


class _Redacted(ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def _as_json() -> Any:
    return JSONRenderer(default=str)


def _for_people() -> Any:
    return ConsoleRenderer(
        colors=False,
        sort_keys=False,
        event_key="message",
        timestamp_key="at",
        pad_event_to=0,
        pad_level=False,
        exception_formatter=plain_traceback,
    )


def _known(_logger: object, _name: str, line: _Line) -> _Line:
    """Begin a line with what each one has, under the names that stand in every log."""
    record: logging.LogRecord = line["_record"]
    return {
        "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "message": line.pop("event"),
        **line,
    }


def _decided(_logger: object, _name: str, line: _Line) -> _Line:
    """Name the decision of an order, which its id holds; what a library colors is told once."""
    line.pop("color_message", None)  # uvicorn's
    if "decision" not in line:
        found = [decision_of(str(line[name])) for name in _ORDER_FIELDS if line.get(name)]
        if found and found[0]:
            line["decision"] = found[0]
    return line


def _with_traceback(_logger: object, _name: str, line: _Line) -> _Line:
    if failure := line.pop("exc_info", None):
        line["traceback"] = logging.Formatter().formatException(failure)
    return line
