"""Names of who may call the gateway: hosts, origins of pages, networks of proxies."""

import ipaddress
import re
from urllib.parse import urlsplit

from quant_pipelines.core.errors import ConfigurationError

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]+\]")


def require_host(name: str) -> str:
    """Prove that a name is a host without a port.

    Raises
    ------
    ConfigurationError
        If it is not.
    """
    if not _HOST.fullmatch(name):
        raise ConfigurationError(
            f"host {name!r} is none; expected a name without a port, such as desk.example"
        )
    return name


def require_origin(text: str) -> str:
    """Prove that a text is an origin as browsers send it: scheme, host, and a port that is not the usual one.

    Raises
    ------
    ConfigurationError
        If it is not.
    """
    parts = urlsplit(text)
    is_origin = parts.scheme in ("http", "https") and text == f"{parts.scheme}://{parts.netloc}"
    if not is_origin or not parts.hostname or "@" in text:
        raise ConfigurationError(
            f"origin {text!r} is none; expected scheme and host only, such as https://desk.example"
        )
    return text


def require_network(text: str) -> str:
    """Prove that a text is an address or a network.

    Raises
    ------
    ConfigurationError
        If it is neither.
    """
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ConfigurationError(
            f"network {text!r} is none; expected an address or a network such as 10.0.0.0/8"
        ) from error
    return text


def is_loopback(host: str) -> bool:
    """Whether what listens there can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
