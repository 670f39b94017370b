"""Liquidation: at which price a position's margin no longer covers what the venue asks to maintain."""

from typing import NamedTuple

import numpy as np

from quant_pipelines.accounting.account import Account
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import change_of, inlined, scalar


class MarginTerms(NamedTuple):
    """Margin rules for compiled code.

    Parameters
    ----------
    brackets
        Maintenance brackets by notional: floor in quote, rate, and the amount that is deducted (the
        venue's ``cum``), shape (n_brackets, 3), lowest first. Without any, nothing is liquidated.
    leverage
        Isolated margin is the entry notional over this; 0 is cross margin: the whole wallet.
    fee_rate
        Fee of a liquidation as a fraction of its notional.
    support
        What stands behind a cross margin besides the book's own cash, quote; see ``cross_margin``.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.accounting import MarginTerms
    >>> brackets = np.array([[0.0, 0.004, 0.0], [50_000.0, 0.005, 50.0]])  # 0.4 %; 0.5 % from 50,000 on
    >>> (brackets[:, 1] * 50_000.0 - brackets[:, 2]).tolist()  # the deduction joins them without a step
    [200.0, 200.0]
    >>> terms = MarginTerms(brackets, leverage=10.0, fee_rate=0.0)
    """

    brackets: FloatArray
    leverage: float
    fee_rate: float
    support: float = 0.0


NO_MARGIN = MarginTerms(np.empty((0, 3)), 0.0, 0.0)


with_support = change_of(MarginTerms, "support")
"""Terms of a book behind which other books stand."""


@inlined
def _isolated_wallet(account: Account, terms: MarginTerms) -> float:
    """Margin behind the position, quote."""
    if terms.leverage > 0.0:
        return abs(account.position) * account.entry_price / terms.leverage
    return account.cash + terms.support


@scalar
def liquidation_price(account: Account, terms: MarginTerms) -> float:
    """Price at which the position is liquidated; 0 is never.

    Notes
    -----
    ``LP = (WB + cum - side * q * entry) / (q * mmr - side * q)`` with the bracket that holds at LP itself:
    Binance, "How to Calculate Liquidation Price of USDⓈ-M Futures Contracts", for one position.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.accounting import MarginTerms, apply_fill, liquidation_price, open_account
    >>> account = apply_fill(open_account(10_000.0), 10.0, 100.0, 0.0)
    >>> terms = MarginTerms(np.array([[0.0, 0.02, 0.0]]), leverage=10.0, fee_rate=0.0)
    >>> round(liquidation_price(account, terms), 4)  # (100 - 10) / 0.98: a tenth of margin, 2 % maintained
    91.8367
    """
    size = abs(account.position)
    if size == 0.0 or terms.brackets.shape[0] == 0:
        return 0.0
    side = 1.0 if account.position > 0.0 else -1.0
    wallet = _isolated_wallet(account, terms)
    price = 0.0
    for n in range(terms.brackets.shape[0]):
        rate, deducted = terms.brackets[n, 1], terms.brackets[n, 2]
        price = (wallet + deducted - side * size * account.entry_price) / (size * rate - side * size)
        is_last = n + 1 == terms.brackets.shape[0]
        if is_last or size * price < terms.brackets[n + 1, 0]:
            break
    return max(price, 0.0)


@scalar
def bankruptcy_price(account: Account, terms: MarginTerms) -> float:
    """Price at which an isolated margin is used up: no fill of a liquidation is worse; 0 has no bound.

    Examples
    --------
    >>> from quant_pipelines.accounting import NO_MARGIN, apply_fill, bankruptcy_price, open_account
    >>> account = apply_fill(open_account(10_000.0), 10.0, 100.0, 0.0)
    >>> bankruptcy_price(account, NO_MARGIN._replace(leverage=10.0))  # a tenth below the entry
    90.0
    """
    if terms.leverage <= 0.0 or account.position == 0.0:
        return 0.0
    side = 1.0 if account.position > 0.0 else -1.0
    return account.entry_price * (1.0 - side / terms.leverage)
