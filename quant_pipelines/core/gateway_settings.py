"""Frozen settings values of the gateway: where it listens, whom it answers, how long a login lasts."""

from dataclasses import dataclass
from typing import Any, ClassVar

from quant_pipelines.core.setting_fields import name_setting, setting


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """API and console."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    host: str = setting(
        "127.0.0.1", "address that it listens on; elsewhere than on loopback a login needs a user and a code"
    )
    port: int = setting(0, "port that it listens on; 0: a free one, kept in ports.json", low=0, high=65_535)
    allowed_hosts: tuple[str, ...] = name_setting(
        (), "host names under which it is called, beside those of loopback", "host"
    )
    allowed_origins: tuple[str, ...] = name_setting(
        (), "origins of pages that may call it, such as https://desk.example, beside its own", "origin"
    )
    proxies: tuple[str, ...] = name_setting(
        (), "addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto count", "network"
    )
    root_path: str = setting("", "path prefix that a proxy serves it under, such as /quant; empty: none")
    session_minutes: int = setting(720, "minutes after which a browser's login ends", low=1, high=43_200)
    idle_minutes: int = setting(
        120, "minutes without a request after which a browser's login ends", low=1, high=43_200
    )
    token_minutes: int = setting(60, "longest life of a program's token, minutes", low=1, high=1440)
    requests_per_minute: int = setting(
        6000,
        "requests that one person or program may make a minute, in bursts of a tenth",
        low=10,
        high=10**6,
    )
    logins_per_minute: int = setting(
        20, "logins that may be tried from one address a minute", low=1, high=10_000
    )
    streams: int = setting(400, "WebSockets that may be open at once", low=1, high=10_000)
    stream_backlog: int = setting(
        256,
        "messages that wait for a slow reader before it is let go; it resumes where it was",
        low=1,
        high=10_000,
    )
