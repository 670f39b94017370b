"""Rules that also bound what is held, by name: the breaker's table knows them, and compiles nothing."""

from typing import Final

HELD_RULES: Final = ("position_limit", "notional_quota", "quantity_quota")
"""Rules of a book that bound a position."""
HELD_ACCOUNT_RULES: Final = (
    "symbol_position",
    "gross_exposure",
    "net_exposure",
    "leverage",
    "concentration",
)
"""Those of an account."""
