"""Who may command from a chat: the name of a user and the number of an account of the chat's service."""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from quant_pipelines.core.callers import is_loopback
from quant_pipelines.core.errors import ConfigurationError

_FORM: Final = re.compile(r"([a-z0-9][a-z0-9._-]{0,39}) ([1-9]\d{0,15})")


def require_chatter(text: str) -> str:
    """Name of the user that a setting such as ``ann 123456789`` gives an account.

    Raises
    ------
    ConfigurationError
        If it is not a name and a number.

    Examples
    --------
    >>> require_chatter("ann 123456789")
    'ann'
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"{text!r:.80} is no NAME ID; expected a user and a number: ann 123456789")
    return found[1]


def chatters_of(texts: Iterable[str]) -> Mapping[int, str]:
    """Name of a user by the number of the account.

    Raises
    ------
    ConfigurationError
        If one is malformed, or an account is given to two users.

    Examples
    --------
    >>> chatters_of(("ann 11", "bob 12"))
    {11: 'ann', 12: 'bob'}
    """
    found: dict[int, str] = {}
    for text in texts:
        name, number = require_chatter(text), int(text.rpartition(" ")[2])
        if number in found:
            raise ConfigurationError(f"account {number} is {found[number]}'s and {name}'s; expected one user")
        found[number] = name
    return found


def require_api_address(text: str) -> str:
    """Address of a service that a secret is sent to: over TLS, or on this machine.

    Raises
    ------
    ConfigurationError
        If it is another one.

    Examples
    --------
    >>> require_api_address("https://api.telegram.org")
    'https://api.telegram.org'
    """
    parts = urlsplit(text)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not (is_safe and parts.hostname) or parts.query or parts.fragment or parts.username is not None:
        raise ConfigurationError(
            f"{text!r:.80} is no address; expected https://HOST, or http on this machine"
        )
    return text
