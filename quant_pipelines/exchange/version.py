"""Which code talks to exchanges: what a certificate was made for."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = ("quant_pipelines/exchange", "quant_pipelines/trading", "live_runner/venue")


@cache
def venue_version() -> str:
    """First 16 hex digits of the SHA-256 over the sources that send orders, and ccxt's version.

    Examples
    --------
    >>> len(venue_version())
    16
    """
    digest = hashlib.sha256(version("ccxt").encode())
    for folder in _FOLDERS:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(path.relative_to(_ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
