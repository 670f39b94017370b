"""The only code that changes cash or position: ``apply_fill``, ``apply_funding``, ``apply_transfer``."""

from typing import TYPE_CHECKING

from quant_pipelines.core.late_names import names_of

if TYPE_CHECKING:
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
    from quant_pipelines.accounting.margin import (
        NO_MARGIN,
        Closing,
        MarginTerms,
        forced_closing,
        liquidation_price,
    )
else:
    __getattr__ = names_of(
        __name__,
        {
            "account": (
                "Account",
                "apply_fill",
                "apply_funding",
                "apply_transfer",
                "equity",
                "open_account",
            ),
            "ledger": (
                "LedgerFill",
                "booked_cash",
                "booked_position",
                "booked_realized",
                "disagreement",
            ),
            "margin": (
                "NO_MARGIN",
                "Closing",
                "MarginTerms",
                "forced_closing",
                "liquidation_price",
            ),
        },
    )

__all__ = [
    "Account",
    "Closing",
    "LedgerFill",
    "MarginTerms",
    "NO_MARGIN",
    "apply_fill",
    "apply_funding",
    "apply_transfer",
    "booked_cash",
    "booked_position",
    "booked_realized",
    "disagreement",
    "equity",
    "forced_closing",
    "liquidation_price",
    "open_account",
]
