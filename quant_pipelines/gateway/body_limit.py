"""How large a body may be; it is counted as it comes, whatever its header says."""

from typing import Final

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import Message

LARGEST: Final = 65_536
"""Bytes; the largest form here is a set of parameters."""


def limited(request: Request) -> Request:
    """Give the same request, whose body is refused with 413 as soon as more of it came than is allowed."""
    if request.headers.get("content-length", "0").isdigit():
        _require(int(request.headers.get("content-length", "0")))
    came = 0

    async def receive() -> Message:
        nonlocal came
        message = await request.receive()
        came += len(message.get("body", b""))
        _require(came)
        return message

    return Request(request.scope, receive)


def _require(size: int) -> None:
    if size > LARGEST:
        # FastAPI hands on this kind alone from within the reading of a body.
        raise HTTPException(413, f"body has more than {LARGEST} bytes; expected no more")
