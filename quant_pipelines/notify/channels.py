"""A channel: where alerts go, from which severity on, and how long it waits for an acknowledgement."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.severities import SEVERITIES, Severity, rank_of

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_FORM = "NAME SEVERITY [MINUTES] URL, such as phone halt 10 tgram://token/chat"
_LONGEST_WAIT_MINUTES = 10_080


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to people.

    Parameters
    ----------
    name
        As rows and sentences call it.
    severity
        The least that it takes.
    wait_minutes
        How long an alert may wait for an acknowledgement before this channel is used; 0: used at once.
    url
        Apprise URL; secret.
    """

    name: str
    severity: Severity
    wait_minutes: int
    url: str = field(repr=False)

    def takes(self, severity: Severity) -> bool:
        """Whether an alert of that severity goes here.

        Examples
        --------
        >>> channel_of("phone critical 10 json://localhost").takes("warning")
        False
        """
        return rank_of(severity) >= rank_of(self.severity)

    @property
    def shown(self) -> str:
        """Channel without its secret: everything after the scheme is hidden."""
        wait = f" {self.wait_minutes}" if self.wait_minutes else ""
        return f"{self.name} {self.severity}{wait} {self.url.partition('://')[0]}://<hidden>"


def channel_of(text: str) -> Channel:
    """Read a channel from its setting.

    Raises
    ------
    ConfigurationError
        If it is none; the sentence names the channel and what was expected, never its URL.

    Examples
    --------
    >>> channel_of("phone halt 10 tgram://token/chat").shown
    'phone halt 10 tgram://<hidden>'
    """
    words = text.split()
    if not words or not _NAME.fullmatch(words[0]):
        raise ConfigurationError(f"a channel does not begin with its name; expected {_FORM}")
    name, rest = words[0], words[1:]
    if len(rest) not in (2, 3):
        raise ConfigurationError(f"channel {name!r} has {len(words)} words; expected {_FORM}")
    if rest[0] not in SEVERITIES:
        raise ConfigurationError(
            f"the second word of channel {name!r} is no severity; expected one of {', '.join(SEVERITIES)}"
        )
    wait = rest[1] if len(rest) == 3 else "0"
    if not (wait.isascii() and wait.isdigit() and int(wait[:9]) <= _LONGEST_WAIT_MINUTES):
        raise ConfigurationError(
            f"the wait of channel {name!r} is no number of minutes; expected 0 to {_LONGEST_WAIT_MINUTES}"
        )
    scheme, separator, place = rest[-1].partition("://")
    if not (scheme and separator and place):
        raise ConfigurationError(
            f"channel {name!r} does not end with a URL; expected an Apprise URL such as tgram://token/chat"
        )
    return Channel(name, rest[0], int(wait), rest[-1])


def channels_of(texts: Iterable[str]) -> tuple[Channel, ...]:
    """Read all channels.

    Raises
    ------
    ConfigurationError
        If one is none, or two have the same name.
    """
    channels = tuple(channel_of(text) for text in texts)
    names = [channel.name for channel in channels]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConfigurationError(f"channel {twice[0]!r} is given twice; expected a name of its own for each")
    return channels
