"""Names that must be the same each time they are computed."""

import hashlib
import json
import re
from typing import Any


def content_hash(text: str) -> str:
    """First 16 hex digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_of(values: dict[str, Any]) -> str:
    """Content hash of a JSON document, independent of key order."""
    return content_hash(json.dumps(values, sort_keys=True, separators=(",", ":"), default=str))


def client_order_id(epoch: int, deployment_id: int, bar_close_ms: int, letter: str) -> str:
    """Client order id of an intent: at most 36 characters, unique per deployment, bar and purpose.

    The same decision always yields the same id, so that it can't be sent twice by accident; the writer's
    epoch tells at the venue who sent it.

    Parameters
    ----------
    epoch
        Epoch of the writer that commits the intent.
    deployment_id
        Deployment that decided.
    bar_close_ms
        Close time of the bar that was decided on, milliseconds UTC.
    letter
        What it is for: ``t`` target change, ``s`` stop or take-profit, ``e`` exit of a stop,
        ``f`` flatten, ``c`` close.
    """
    return f"q{epoch}-{deployment_id}-{bar_close_ms // 1000:x}-{letter}"


def deployment_of(client_order_id: str) -> int | None:
    """Deployment that a client order id of ours names; None if it is none of ours.

    Examples
    --------
    >>> deployment_of("q3-17-19b7-t"), deployment_of("autoclose-17")
    (17, None)
    """
    found = re.match(r"q\d+-(\d+)-", client_order_id)
    return int(found[1]) if found else None


def decision_id(deployment_id: int, bar_close_ms: int) -> str:
    """Name of what a deployment decides at a bar's close, from the bar to the fill.

    It is the middle of the client order ids of the orders that follow from it.

    Examples
    --------
    >>> decision_id(17, 6_583_000), decision_of(client_order_id(3, 17, 6_583_000, "t"))
    ('17-19b7', '17-19b7')
    """
    return f"{deployment_id}-{bar_close_ms // 1000:x}"


def decision_of(client_order_id: str) -> str | None:
    """Decision that an order of ours follows from; None for an id that is none of ours.

    What belongs to no bar, a stop or a flattening, is a decision of its moment.

    Examples
    --------
    >>> decision_of("q3-17-19b7-t"), decision_of("q3-17-18d2f1m-s"), decision_of("autoclose-17")
    ('17-19b7', '17-18d2f1m', None)
    """
    found = re.match(r"q\d+-(\d+-[0-9a-f]+m?)-", client_order_id)
    return found[1] if found else None


def resting_order_id(epoch: int, deployment_id: int, bar_close_ms: int, number: int) -> str:
    """Client order id of an event strategy's order; a deployment counts them from 1.

    Parameters
    ----------
    epoch, deployment_id, bar_close_ms
        As in ``client_order_id``.
    number
        Of the order in its book.
    """
    return f"q{epoch}-{deployment_id}-{bar_close_ms // 1000:x}-o{number}"


def moment_order_id(epoch: int, deployment_id: int, moment_ms: int, letter: str) -> str:
    """Client order id of an intent that belongs to no bar: a stop, or a flattening.

    Parameters
    ----------
    epoch, deployment_id, letter
        As in ``client_order_id``.
    moment_ms
        When it was decided, milliseconds UTC; one writer decides at most once a millisecond.
    """
    return f"q{epoch}-{deployment_id}-{moment_ms:x}m-{letter}"
