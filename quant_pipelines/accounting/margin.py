"""The rule by which a position is liquidated, of every backtest, of paper, and of the simulated venue.

1. **When.** The mark reaches the price at which the margin is down to the maintenance margin. Isolated margin
   is the position's wallet as it then stands: its initial margin, less the funding that it has paid since;
   what is closed takes its share along. Cross margin is the account without the isolated wallets.
2. **Order.** Open orders of that margin go first; those of an account's other books end with the bar, which
   doesn't tell what came first. Under cross margin the position with the largest maintenance margin is
   closed, then the next, until the margin covers those that are left.
3. **Price.** The whole position is closed at its liquidation price, or at an open beyond it: at the market,
   whatever the volume. It never costs more than the margin: what lies beyond, the insurance fund pays. A
   backtest adds the declared impact up to its cap; the simulated venue takes what its book offers, the rest
   at the last level, which is the same rule on what each of them knows of the market.
4. **Fees.** The commission of a taker and the liquidation fee, as far as margin is left.

Several books share the margin of an account: there the fund pays at the end, and is named.

So an isolated position loses at most its wallet, and a cross account ends at 0 or more. Without maintenance
brackets the account as a whole is the margin, and 0 is maintained: it is closed where nothing is left.
Closing in steps is not modelled. Source: Binance, "Liquidation Protocols" (open orders are canceled, the fee
is charged on what is liquidated, the insurance fund takes over at the bankruptcy price) and "How to Calculate
Liquidation Price of USDⓈ-M Futures Contracts".
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.accounting.account import DUST, Account
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import change_of, kernel, scalar


class MarginTerms(NamedTuple):
    """Margin rules for compiled code.

    Parameters
    ----------
    brackets
        Maintenance brackets by notional: floor in quote, rate, and the amount that is deducted (the
        venue's ``cum``), shape (n_brackets, 3), lowest first. Without any, nothing is liquidated before
        nothing is left of the account.
    leverage
        Isolated margin is the entry notional over this; 0 is cross margin: the whole wallet.
    fee_rate
        Fee of a liquidation as a fraction of its notional, besides a taker's.
    support
        What stands behind the margin besides the book's own cash, quote; see ``cross_margin``. Infinite where
        the account as a whole covers its margins.
    debt
        How far the book's own cash may be below 0, since the account pays, quote; infinite where the books of
        an account are looked at together.
    beside
        What the account has besides the book's own cash, quote, as far as fees are paid of it.

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
    debt: float = 0.0
    beside: float = 0.0


NO_MARGIN = MarginTerms(np.empty((0, 3)), 0.0, 0.0)


class Backing(NamedTuple):
    """What an account has behind one of its books, as in ``MarginTerms``.

    Examples
    --------
    >>> from quant_pipelines.accounting.margin import Backing
    >>> Backing(support=250.0)
    Backing(support=250.0, debt=0.0, beside=0.0)
    """

    support: float = 0.0
    debt: float = 0.0
    beside: float = 0.0


NO_BACKING = Backing()


with_support = change_of(MarginTerms, "support", "debt", "beside")
"""Terms of a book behind which an account stands."""


class Closing(NamedTuple):
    """Price and fee at which a whole position is closed, quote per base and quote.

    Examples
    --------
    >>> from quant_pipelines.accounting import NO_MARGIN, apply_fill, forced_closing, open_account
    >>> short = apply_fill(open_account(10_000.0), -100.0, 100.0, 0.0)
    >>> forced_closing(short, 250.0, 0.001, NO_MARGIN)  # all cash is gone at 200, and no fee is left to pay
    Closing(price=200.0, fee=0.0)
    """

    price: float
    fee: float


@scalar
def margin_wallet(account: Account, terms: MarginTerms, beside: float) -> float:
    """Margin behind the position as it stands, quote; ``beside`` is what the account has besides own cash.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.accounting import MarginTerms, apply_fill, apply_funding, open_account
    >>> from quant_pipelines.accounting.margin import margin_wallet
    >>> held = apply_funding(apply_fill(open_account(10_000.0), 10.0, 100.0, 0.0), 7.0)
    >>> isolated = MarginTerms(np.array([[0.0, 0.01, 0.0]]), leverage=10.0, fee_rate=0.0)
    >>> margin_wallet(held, isolated, 0.0)  # a tenth of the notional, less the funding that was paid
    93.0
    """
    if terms.leverage > 0.0 and terms.brackets.shape[0] > 0:
        isolated = abs(account.position) * account.entry_price / terms.leverage - account.margin_funding
        return min(isolated, account.cash + terms.debt)  # no margin is larger than what there is
    return account.cash + beside


@scalar
def liquidation_price(account: Account, terms: MarginTerms) -> float:
    """Price at which the position is liquidated by its brackets; 0 is never.

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
    wallet = margin_wallet(account, terms, terms.support)
    price = 0.0
    for n in range(terms.brackets.shape[0]):
        rate, deducted = terms.brackets[n, 1], terms.brackets[n, 2]
        price = (wallet + deducted - side * size * account.entry_price) / (size * rate - side * size)
        is_last = n + 1 == terms.brackets.shape[0]
        if is_last or size * price < terms.brackets[n + 1, 0]:
            break
    return max(price, 0.0)


@scalar
def bankruptcy_price(account: Account, wallet: float) -> float:
    """Price at which a margin is used up, quote per base; what is held is not 0.

    Examples
    --------
    >>> from quant_pipelines.accounting import apply_fill, open_account
    >>> from quant_pipelines.accounting.margin import bankruptcy_price
    >>> account = apply_fill(open_account(10_000.0), 10.0, 100.0, 0.0)
    >>> bankruptcy_price(account, 100.0)  # a tenth of the notional lies ten below the entry
    90.0
    """
    return account.entry_price - wallet / account.position


@scalar
def forced_price(account: Account, terms: MarginTerms) -> float:
    """Price at which a position is closed by force: its liquidation price, else where nothing is left.

    Examples
    --------
    >>> from quant_pipelines.accounting import NO_MARGIN, apply_fill, open_account
    >>> from quant_pipelines.accounting.margin import forced_price
    >>> short = apply_fill(open_account(10_000.0), -100.0, 100.0, 0.0)
    >>> forced_price(short, NO_MARGIN)  # no brackets: a hundred of them have lost all cash at twice the price
    200.0
    """
    if terms.brackets.shape[0] > 0 or account.position == 0.0:
        return liquidation_price(account, terms)
    return max(bankruptcy_price(account, account.cash + terms.debt), 0.0)


@kernel
def forced_closing(account: Account, price: float, fee_rate: float, terms: MarginTerms) -> Closing:
    """Close a whole position at a market price so that it costs no more than its margin.

    Parameters
    ----------
    account
        Before, with a position.
    price
        Of the market, quote per base.
    fee_rate
        All fees as a fraction of the notional, paid as far as margin is left.
    terms
        What the margin is.

    Notes
    -----
    With ``w`` the margin and ``q`` the signed position the price is no worse than ``entry - w / q``, and the
    fee at most ``w + q (price - entry)``; float noise that would be left of an account is taken with it.
    Several books of an account share one margin: there the price isn't bound, the fee is.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.accounting import MarginTerms, apply_fill, forced_closing, open_account
    >>> short = apply_fill(open_account(10_000.0), -100.0, 100.0, 0.0)
    >>> isolated = MarginTerms(np.array([[0.0, 0.01, 0.0]]), leverage=5.0, fee_rate=0.0125)
    >>> forced_closing(short, 350.0, 0.0125, isolated)  # a margin of 2,000 is gone at 120
    Closing(price=120.0, fee=0.0)
    >>> forced_closing(short, 119.0, 0.0125, isolated)  # 1.25 % would be 148.75; 100 are left
    Closing(price=119.0, fee=100.0)
    """
    side = 1.0 if account.position > 0.0 else -1.0
    wallet = min(margin_wallet(account, terms, terms.debt), account.cash + terms.debt)
    bound = bankruptcy_price(account, wallet)
    paid = side * max(side * price, side * bound)
    profit, value = account.position * (paid - account.entry_price), abs(account.position) * paid
    fee = min(value * fee_rate, wallet + profit)
    if terms.beside < terms.debt:
        fee = min(fee, max(account.cash + terms.beside + profit, 0.0))
    left = account.cash + profit + terms.debt
    return Closing(paid, left if left - fee <= DUST * value else fee)
