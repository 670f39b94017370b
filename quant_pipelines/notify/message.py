"""What a message says: one title, and a line for each alert, by the operator's templates."""

from collections.abc import Sequence
from datetime import datetime
from string import Formatter
from typing import Literal, NamedTuple

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.redaction import redacted
from quant_pipelines.core.severities import Severity, rank_of

FIELDS = ("severity", "source", "message", "at", "id")
_LONGEST_LINE, _MOST_LINES = 1_000, 20
_TYPES: dict[Severity, Literal["info", "warning", "failure"]] = {
    "info": "info",
    "warning": "warning",
    "critical": "failure",
    "halt": "failure",
}


class Notice(NamedTuple):
    """An alert as it is told.

    Parameters
    ----------
    id
        Row of ``ops.alerts``; 0 for one that no row could be written of.
    severity, source, message, at
        As in the row.
    resolved_at
        When it was over; None while it stands, and for what has no end.
    """

    id: int
    severity: Severity
    source: str
    message: str
    at: datetime
    resolved_at: datetime | None = None


class Templates(NamedTuple):
    """Title, and the line of one alert; both with the names of `FIELDS` in braces."""

    title: str
    body: str


class Message(NamedTuple):
    """What one channel is given at once; ``notify_type`` is the service's word for the worst severity."""

    title: str
    body: str
    notify_type: Literal["info", "warning", "failure"] = "info"


def require_template(text: str) -> None:
    """Prove that a template can be filled.

    Raises
    ------
    ConfigurationError
        If its braces don't match, or name something that an alert has not.
    """
    known = ", ".join(f"{{{name}}}" for name in FIELDS)
    try:
        names = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
        text.format(**dict.fromkeys(FIELDS, ""))
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise ConfigurationError(f"template {text!r} can't be filled; expected only {known}") from error
    if any(name not in FIELDS for name in names):
        raise ConfigurationError(f"template {text!r} can't be filled; expected only {known}")


def message_of(alerts: Sequence[Notice], templates: Templates) -> Message:
    """Put alerts into one message: the worst gives the title, each has a line, the first twenty.

    Parameters
    ----------
    alerts
        At least one, oldest first.
    templates
        How they read.

    Examples
    --------
    >>> from datetime import UTC
    >>> alert = Notice(7, "halt", "deployment:3", "daily loss", datetime(2025, 1, 1, tzinfo=UTC))
    >>> message_of([alert], Templates("{severity}: {source}", "{at} {message}"))
    Message(title='halt: deployment:3', body='2025-01-01 00:00:00 UTC daily loss', notify_type='failure')
    """
    worst = max(alerts, key=lambda alert: rank_of(alert.severity))
    more = f" (+{len(alerts) - 1} more)" if len(alerts) > 1 else ""
    lines = [_line(alert, templates.body) for alert in alerts[:_MOST_LINES]]
    if len(alerts) > _MOST_LINES:
        lines.append(f"and {len(alerts) - _MOST_LINES} more; quant alerts lists them")
    return Message(_filled(templates.title, worst) + more, "\n".join(lines), _TYPES[worst.severity])


def _line(alert: Notice, template: str) -> str:
    over = f" (over since {alert.resolved_at:%Y-%m-%d %H:%M:%S} UTC)" if alert.resolved_at else ""
    return _filled(template, alert) + over


def _filled(template: str, alert: Notice) -> str:
    values = {name: getattr(alert, name) for name in FIELDS} | {"at": f"{alert.at:%Y-%m-%d %H:%M:%S} UTC"}
    return " ".join(redacted(template.format(**values)).split())[:_LONGEST_LINE]
