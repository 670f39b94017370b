"""Hides from text what was signed with a key, what opens an account's stream, passwords and tokens."""

import re

HIDDEN = "<hidden>"
_KEYS = r"(?:signature|api-?_?key|listen-?_?key|secret|password|X-MBX-APIKEY)"
_END = r"[^\s\"'<>\\)\]}]"
_QUERY = re.compile(rf"\?{_END}*?\b{_KEYS}={_END}*", re.IGNORECASE)
_PAIR = re.compile(rf"(\b{_KEYS}[\"']?\s*[=:]\s*[\"']?)[\w%.+/=-]+", re.IGNORECASE)
_PASSWORD = re.compile(r"(\w://[^\s/:@]*:)[^\s/]+(?=@)")
_OF_DATABASE = re.compile(r"(\bpostgres[\w+]*://[^\s/:@]*:)[^\s\"'<>]*(?=@)")
"""To the last @: of a database nothing behind the place has one, and people forget to escape theirs."""
_TOKEN = re.compile(
    r"\beyJ[\w-]+\.[\w-]+\.[\w-]*|(?<!\d)\d{6,}:[A-Za-z0-9_-]{30,}|(?<=[Bb]earer )[\w.~+/=-]+"
)
_STREAM = re.compile(r"(/ws/)[A-Za-z0-9]{40,}")


def redacted(text: str) -> str:
    """Text without signatures, keys, passwords and tokens; a signed URL keeps its path only.

    Examples
    --------
    >>> redacted("GET https://venue/fapi/v1/order?symbol=BTCUSDT&timestamp=17&signature=ab12 timed out")
    'GET https://venue/fapi/v1/order?<hidden> timed out'
    >>> redacted("symbol=BTCUSDT&signature=ab12")
    'symbol=BTCUSDT&signature=<hidden>'
    >>> redacted("postgresql://quant:s3cret@db:5432/quant does not answer")
    'postgresql://quant:<hidden>@db:5432/quant does not answer'
    >>> redacted("postgresql://quant:p@ss/word@db:5432/quant does not answer")
    'postgresql://quant:<hidden>@db:5432/quant does not answer'
    >>> redacted(f"GET https://api.telegram.org/bot123456789:{'A' * 35}/getMe")
    'GET https://api.telegram.org/bot<hidden>/getMe'
    """
    text = _OF_DATABASE.sub(rf"\g<1>{HIDDEN}", _QUERY.sub(f"?{HIDDEN}", text))
    text = _TOKEN.sub(HIDDEN, _PASSWORD.sub(rf"\g<1>{HIDDEN}", text))
    return _STREAM.sub(rf"\g<1>{HIDDEN}", _PAIR.sub(rf"\g<1>{HIDDEN}", text))
