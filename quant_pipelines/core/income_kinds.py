"""Kinds of income that more than one part asks about."""

from typing import Final

TRANSFER: Final = "transfer"
"""Capital that came or went, no profit."""
