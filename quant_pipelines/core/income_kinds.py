"""Kinds of income that more than one part asks about, and how late a payment may be seen."""

from datetime import datetime, timedelta
from typing import Final

TRANSFER: Final = "transfer"
"""Capital that came or went, no profit."""
LATEST_PAYMENT: Final = timedelta(hours=1)
"""How late a payment may show up at a venue, after its own time."""
_MILLISECOND = timedelta(milliseconds=1)


def asked_again_since(deployed_at: datetime, paid_until: datetime | None) -> datetime:
    """From when on a venue's payments may be read again for a book that was paid last then, if ever.

    It is the oldest moment: books beside it that were deployed later, or paid later, only bring it forward;
    what lies before it for one that is older, that one knows itself. Venues tell whole milliseconds.
    """
    return deployed_at - _MILLISECOND if paid_until is None else paid_until - LATEST_PAYMENT
