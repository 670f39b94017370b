"""Hides from text what was signed with a key, or opens an account's stream."""

import re

HIDDEN = "<hidden>"
_KEYS = r"(?:signature|api-?_?key|listen-?_?key|secret|X-MBX-APIKEY)"
_END = r"[^\s\"'<>\\)\]}]"
_QUERY = re.compile(rf"\?{_END}*?\b{_KEYS}={_END}*", re.IGNORECASE)
_PAIR = re.compile(rf"(\b{_KEYS}[\"']?\s*[=:]\s*[\"']?)[\w%.+/=-]+", re.IGNORECASE)
_STREAM = re.compile(r"(/ws/)[A-Za-z0-9]{40,}")


def redacted(text: str) -> str:
    """Text without signatures and keys; a signed URL keeps its path only.

    Examples
    --------
    >>> redacted("GET https://venue/fapi/v1/order?symbol=BTCUSDT&timestamp=17&signature=ab12 timed out")
    'GET https://venue/fapi/v1/order?<hidden> timed out'
    >>> redacted("symbol=BTCUSDT&signature=ab12")
    'symbol=BTCUSDT&signature=<hidden>'
    """
    text = _QUERY.sub(f"?{HIDDEN}", text)
    return _STREAM.sub(rf"\g<1>{HIDDEN}", _PAIR.sub(rf"\g<1>{HIDDEN}", text))
