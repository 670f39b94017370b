"""Frozen settings values of the alerts: who is told, how, and what may not fall silent."""

from dataclasses import dataclass
from typing import Any, ClassVar

from quant_pipelines.core.setting_fields import name_setting, setting
from quant_pipelines.core.severities import SEVERITIES, Severity


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Where alerts go, and when."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    channels: tuple[str, ...] = name_setting(
        (),
        "where alerts go, each as NAME SEVERITY [MINUTES] URL: least severity, minutes that it waits for an "
        "acknowledgement, and an Apprise URL, which is secret",
        "channel",
    )
    title: str = name_setting(
        "{severity}: {source}", "title of a message, with {severity} {source} {message} {at} {id}", "template"
    )
    body: str = name_setting(
        "{at} {source}: {message} (alert {id})", "line of a message for each alert, with the same", "template"
    )
    same_minutes: int = setting(
        60, "minutes in which the same message of the same source is told once", low=0, high=10_080
    )
    quiet_hours: str = name_setting(
        "", "hours (UTC) in which only what matters is told, such as 22:00-07:00; empty: none", "hours"
    )
    quiet_below: Severity = setting(
        "critical", "alerts below this severity wait for the end of the quiet hours", choices=SEVERITIES
    )


@dataclass(frozen=True, slots=True)
class WatchdogSettings:
    """How long each may be silent before somebody is told; 0 does not watch it."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    runner_seconds: float = setting(30.0, "seconds without a sign of life of the runner", low=0, high=86_400)
    data_seconds: float = setting(
        900.0, "seconds without a new closed minute of any whitelisted symbol", low=0, high=604_800
    )
    backup_seconds: float = setting(
        180_000.0, "seconds without a new backup, once there was one", low=0, high=31_536_000
    )
    database_seconds: float = setting(
        20.0, "seconds without an answer of the database; said directly, without it", low=0, high=86_400
    )
