"""The only code that changes cash or position: ``apply_fill`` and ``apply_funding``, pure state to state."""

from quant_pipelines.accounting.account import Account, apply_fill, apply_funding, equity, open_account
from quant_pipelines.accounting.ledger import (
    LedgerFill,
    booked_cash,
    booked_position,
    booked_realized,
    disagreement,
)

__all__ = [
    "Account",
    "LedgerFill",
    "apply_fill",
    "apply_funding",
    "booked_cash",
    "booked_position",
    "booked_realized",
    "disagreement",
    "equity",
    "open_account",
]
