"""Frozen settings values of metrics and logs: where a process shows what it does, and how its lines read."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from quant_pipelines.core.setting_fields import name_setting, setting

LogFormat: TypeAlias = Literal["json", "console"]
LogLevel: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
MeasuredProcess: TypeAlias = Literal["runner", "collector", "gateway", "watchdog"]
"""Processes that live long, each with a port of its own for its metrics."""
_PORT = "port of the metrics of the {}; 0: a free one under quant up, kept in ports.json, and none elsewhere"


def _port(process: MeasuredProcess) -> Any:
    return setting(0, _PORT.format(process), low=0, high=65_535)


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Where Prometheus reads what a process does."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    is_exposed: bool = setting(True, "whether processes show metrics")
    host: str = name_setting(
        "127.0.0.1",
        "address that metrics are shown on; they tell what is earned and ask for no login",
        "host",
    )
    runner_port: int = _port("runner")
    collector_port: int = _port("collector")
    gateway_port: int = _port("gateway")
    watchdog_port: int = _port("watchdog")

    def port_of(self, process: MeasuredProcess) -> int:
        """Port of a process; 0 where it shows nothing."""
        return int(getattr(self, f"{process}_port")) if self.is_exposed else 0


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How the lines of services read, and how much of them is kept."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    format: LogFormat = setting(
        "json", "one JSON document a line, or a line for people", choices=("json", "console")
    )
    level: LogLevel = setting(
        "INFO", "least level that is written", choices=("DEBUG", "INFO", "WARNING", "ERROR")
    )
    file_megabytes: float = setting(
        20.0, "MB after which quant up turns the log of a service over", low=0.01, high=10_000
    )
    files: int = setting(5, "logs that were turned over and are kept, of each service", low=1, high=100)
