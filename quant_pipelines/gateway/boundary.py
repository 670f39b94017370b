"""What every connection passes before a route sees it: its id, the host and the origin that it names.

Only names that are listed are answered: a page elsewhere can neither point a name of its own at this address
nor open a WebSocket with the reader's cookie.
"""

import logging
import re
import secrets
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quant_pipelines.core.gateway_settings import GatewaySettings
from quant_pipelines.gateway.problems import problem

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_HEADER: Final = "X-Request-ID"
_ALWAYS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
_log = logging.getLogger(__name__)


class Boundary:
    """ASGI application around another one.

    Parameters
    ----------
    application
        Whom it lets callers in to.
    rules
        Hosts and origins that are listed.
    """

    def __init__(self, application: ASGIApp, rules: GatewaySettings) -> None:
        self._application = application
        self._prefix = rules.root_path
        self._hosts = _LOOPBACK | {rules.host} | {name.lower() for name in rules.allowed_hosts}
        self._origins = frozenset(rules.allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one connection in, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._application(scope, receive, send)
            return
        headers = Headers(scope=scope)
        _prefix(scope, self._prefix)
        request_id = _id_of(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        fault = self._fault(scope, headers)
        named = _naming(send, request_id)
        if not fault:
            await self._application(scope, receive, named)
        elif scope["type"] == "websocket":
            _log.warning("%s: %s", request_id, fault)
            await send({"type": "websocket.close", "code": 1008, "reason": fault[:120]})
        else:
            status = 421 if fault.startswith("host") else 403
            await problem(request_id, status, fault)(scope, receive, named)

    def _fault(self, scope: Scope, headers: Headers) -> str:
        host = headers.get("host", "").lower()
        if _name(host) not in self._hosts:
            return f"host {host!r:.80} is not listed; expected a name of gateway.allowed_hosts"
        origin = headers.get("origin")
        is_asked = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if is_asked and origin is not None and not self._is_known(scope, origin, host):
            return f"origin {origin!r:.80} is not listed; expected this one or one of gateway.allowed_origins"
        return ""

    def _is_known(self, scope: Scope, origin: str, host: str) -> bool:
        scheme = "https" if scope["scheme"] in ("https", "wss") else "http"
        return origin in self._origins or origin.lower() == f"{scheme}://{host}"


def _prefix(scope: Scope, prefix: str) -> None:
    """Put the prefix into a scope, whether a proxy has cut it off the path or not."""
    scope["root_path"] = prefix
    if prefix and not scope["path"].startswith(f"{prefix}/"):
        scope["path"] = prefix + scope["path"]


def _name(host: str) -> str:
    """Host without its port; empty where it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return ""
    if parts.netloc != host or parts.username is not None:
        return ""
    name = parts.hostname or ""
    return f"[{name}]" if ":" in name else name


def _id_of(headers: Headers) -> str:
    given = headers.get(_HEADER, "")
    return given if _ID.fullmatch(given) else secrets.token_hex(8)


def _naming(send: Send, request_id: str) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            headers = MutableHeaders(scope=message)
            headers[_HEADER] = request_id
            for name, value in _ALWAYS:
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sent
