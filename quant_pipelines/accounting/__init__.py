"""The only code that changes cash or position: ``apply_fill``, ``apply_funding``, ``apply_transfer``."""

from quant_pipelines.accounting.account import (
    Account,
    apply_fill,
    apply_funding,
    apply_transfer,
    equity,
    open_account,
)
from quant_pipelines.accounting.ledger import (
    LedgerFill,
    booked_cash,
    booked_position,
    booked_realized,
    disagreement,
)
from quant_pipelines.accounting.margin import NO_MARGIN, MarginTerms, bankruptcy_price, liquidation_price

__all__ = [
    "Account",
    "LedgerFill",
    "MarginTerms",
    "NO_MARGIN",
    "apply_fill",
    "apply_funding",
    "apply_transfer",
    "bankruptcy_price",
    "booked_cash",
    "booked_position",
    "booked_realized",
    "disagreement",
    "equity",
    "liquidation_price",
    "open_account",
]
