"""What a client says over an open stream connection, and what the venue answers.

Codes and words are those of *Live Subscribing/Unsubscribing to streams* in Binance's documentation. One
deviation is deliberate: a name that would stay silent is refused where Binance accepts it without a word.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Never

import orjson

logger = logging.getLogger(__name__)

_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")


@dataclass
class Subscriptions:
    """What one connection listens to, and whether messages come in an envelope with their stream's name."""

    names: set[str]
    is_combined: bool


class _RefusalError(Exception):
    """Code and message."""


def answer_command(of: Subscriptions, text: str, why_silent: Callable[[str], str]) -> bytes:
    """Do what a message asks for, wholly or not at all, and return the answer.

    Parameters
    ----------
    of
        The connection's subscriptions.
    text
        JSON text of the message.
    why_silent
        Sentence that says why a stream of a name will never speak; empty when it will.
    """
    try:
        command = orjson.loads(text)
    except orjson.JSONDecodeError:
        command = None
    if not isinstance(command, dict):
        return orjson.dumps({"error": {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}})
    try:
        answer = {"result": _done(of, command, why_silent)}
    except _RefusalError as refusal:
        code, message = refusal.args
        logger.warning("a stream command was refused: %r", message)
        answer = {"error": {"code": code, "msg": message}}
    return orjson.dumps({**answer, "id": command.get("id")})


def _done(of: Subscriptions, command: dict[str, Any], why_silent: Callable[[str], str]) -> Any:
    params = command.get("params") or []
    match command.get("method"):
        case None:
            _refuse(2, "Invalid request: missing field `method` at line 1 column 1")
        case "SUBSCRIBE":
            of.names |= _speaking(params, why_silent)
        case "UNSUBSCRIBE":
            of.names -= set(_names(params))
        case "LIST_SUBSCRIPTIONS":
            return sorted(of.names)
        case "SET_PROPERTY":
            of.is_combined = _wanted(params)
        case "GET_PROPERTY":
            _check_property(params)
            return of.is_combined
        case other:
            _refuse(2, f"Invalid request: unknown variant {other}, expected one of {', '.join(_METHODS)}")
    return None


def _names(params: Any) -> list[str]:
    if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
        _refuse(2, "Invalid request: params must be a list of stream names")
    return list(params)


def _speaking(params: Any, why_silent: Callable[[str], str]) -> set[str]:
    names = _names(params)
    for name in names:
        if reason := why_silent(name):
            _refuse(2, f"Invalid request: {reason}")
    return set(names)


def _check_property(params: Any) -> None:
    if not isinstance(params, list) or not params or not isinstance(params[0], str):
        _refuse(2, "Invalid request: property name must be a string")
    if params[0] != "combined":
        _refuse(0, "Unknown property")


def _wanted(params: Any) -> bool:
    _check_property(params)
    if len(params) != 2 or not isinstance(params[1], bool):
        _refuse(1, "Invalid value type: expected Boolean")
    return bool(params[1])


def _refuse(code: int, message: str) -> Never:
    raise _RefusalError(code, message)
