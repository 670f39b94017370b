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
    """

    brackets: FloatArray
    leverage: float
    fee_rate: float
    support: float = 0.0


NO_MARGIN = MarginTerms(np.empty((0, 3)), 0.0, 0.0)


with_support = change_of(MarginTerms, "support")
"""Terms of a book behind which other books stand."""


@inlined
def isolated_wallet(account: Account, terms: MarginTerms) -> float:
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
    """
    size = abs(account.position)
    if size == 0.0 or terms.brackets.shape[0] == 0:
        return 0.0
    side = 1.0 if account.position > 0.0 else -1.0
    wallet = isolated_wallet(account, terms)
    price = 0.0
    for n in range(terms.brackets.shape[0]):
        rate, deducted = terms.brackets[n, 1], terms.brackets[n, 2]
        price = (wallet + deducted - side * size * account.entry_price) / (size * rate - side * size)
        is_last = n + 1 == terms.brackets.shape[0]
        if is_last or size * price < terms.brackets[n + 1, 0]:
            break
    return max(price, 0.0)


@inlined
def bankruptcy_price(account: Account, terms: MarginTerms) -> float:
    """Price at which an isolated margin is used up: no fill of a liquidation is worse; 0 has no bound."""
    if terms.leverage <= 0.0 or account.position == 0.0:
        return 0.0
    side = 1.0 if account.position > 0.0 else -1.0
    return account.entry_price * (1.0 - side / terms.leverage)
