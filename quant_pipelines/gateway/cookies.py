"""The cookie of a browser's login: its name says what the browser itself guarantees of it."""

import hashlib
import hmac
from typing import Final

from fastapi import Response
from starlette.requests import HTTPConnection

PLAIN, UNDER_TLS, OF_THE_HOST = "quant", "__Secure-quant", "__Host-quant"
CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf_token"


def is_secure(connection: HTTPConnection) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy that is listed."""
    return connection.url.scheme in ("https", "wss")


def cookie_name(connection: HTTPConnection, root_path: str) -> str:
    """``__Host-`` binds a cookie to this host and the path /, so only TLS without a prefix may use it."""
    if not is_secure(connection):
        return PLAIN
    return UNDER_TLS if root_path else OF_THE_HOST


def give_cookie(
    response: Response, connection: HTTPConnection, root_path: str, token: str, max_age_seconds: int
) -> None:
    """Have the browser keep a token; an empty one ends it."""
    response.set_cookie(
        cookie_name(connection, root_path),
        token,
        max_age=max_age_seconds,
        path=root_path or "/",
        secure=is_secure(connection),
        httponly=True,
        samesite="strict",
    )


def csrf_of(token: str) -> str:
    """Make what a form sends beside the cookie; a page of another origin can't know it."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def is_csrf(token: str, given: str) -> bool:
    """Whether a form was made for this login."""
    return hmac.compare_digest(csrf_of(token).encode(), given.encode())
