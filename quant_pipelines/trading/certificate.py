"""What proves that this code may send orders to an exchange, and what a key must not be able to do."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

NEAR_EXPIRY = timedelta(days=14)
DEAD_MAN = "dead-man timer"
"""Name of the proof that stops survive the venue's timer that cancels orders."""


class Proof(NamedTuple):
    """One thing that was tried at a venue: its name, whether it held, and what was seen.

    One that is not required switches something on, and its failure nothing off.
    """

    name: str
    passed: bool
    evidence: str
    is_required: bool = True


def has_passed(steps: Sequence[Proof]) -> bool:
    """Whether everything held that is required; nothing tried proves nothing.

    Examples
    --------
    >>> has_passed([]), has_passed([Proof("time", True, "3 ms")])
    (False, True)
    """
    return bool(steps) and all(step.passed or not step.is_required for step in steps)


class KeyPermissions(NamedTuple):
    """What an API key may do.

    Parameters
    ----------
    trades
        Send orders for perpetuals.
    withdraws, transfers
        Move money out of the account, or between accounts.
    has_ip_list
        Whether only listed addresses may use it.
    expires_at
        When it ends to trade, UTC; None where the exchange names no end.
    """

    trades: bool
    withdraws: bool
    transfers: bool
    has_ip_list: bool
    expires_at: datetime | None


def key_fault(permissions: KeyPermissions) -> str:
    """Why a key may not be used here, in one sentence; empty when it may.

    Examples
    --------
    >>> key_fault(KeyPermissions(True, True, False, True, None))
    'the API key may withdraw; expected one that may trade futures and nothing else'
    """
    wrong = [
        words
        for words, is_wrong in (
            ("may withdraw", permissions.withdraws),
            ("may transfer", permissions.transfers),
            ("may not trade futures", not permissions.trades),
        )
        if is_wrong
    ]
    if not wrong:
        return ""
    return f"the API key {' and '.join(wrong)}; expected one that may trade futures and nothing else"


def key_warnings(permissions: KeyPermissions, now: datetime) -> list[str]:
    """Sentences about what a person should mend of a key that may be used."""
    warnings = []
    if not permissions.has_ip_list:
        warnings.append("the API key may be used from any address; expected a list of addresses")
    expires_at = permissions.expires_at
    if expires_at is not None and expires_at - now < NEAR_EXPIRY:
        warnings.append(f"the API key ends on {expires_at:%Y-%m-%d}; expected more than 14 days from now")
    return warnings
