"""Cross margin over several books: what the others add to one book's wallet, or take from it.

The rule of ``margin`` over the bars of several symbols: if the account's equity, with every position at the
worst price of its bar, doesn't cover the sum of the maintenance margins, the position that maintains most is
liquidated, then the next, until what is left covers the others. Each is closed at the price at which, with
the others at their worst, the margin was used up; at an open beyond it, at that open. That is pessimistic:
the worst prices are taken to come together, no stop of another book is counted on, and its orders that may
open are taken to fill where the bar reaches them, if that is worse. With that bar the orders of all books
end. Fees are paid as far as the account has it then; what it would end below 0, the insurance fund pays.

``WB`` of ``margin.liquidation_price`` becomes the book's cash plus the support that is computed here, as in
Binance, "How to Calculate Liquidation Price of USDⓈ-M Futures Contracts": wallet balance less the maintenance
margins and plus the unrealized profits of all other contracts.
"""

from quant_pipelines.accounting.account import Account, equity
from quant_pipelines.accounting.margin import MarginTerms
from quant_pipelines.core.jit import scalar


@scalar
def maintenance_margin(notional: float, terms: MarginTerms) -> float:
    """Margin that the venue asks to maintain for a notional, quote: ``rate x notional - deducted``.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.accounting import MarginTerms
    >>> from quant_pipelines.accounting.cross_margin import maintenance_margin
    >>> terms = MarginTerms(np.array([[0.0, 0.004, 0.0], [50_000.0, 0.005, 50.0]]), 0.0, 0.0)
    >>> maintenance_margin(10_000.0, terms), maintenance_margin(100_000.0, terms)
    (40.0, 450.0)
    """
    margin = 0.0
    for n in range(terms.brackets.shape[0]):
        if n == 0 or notional >= terms.brackets[n, 0]:
            margin = terms.brackets[n, 1] * notional - terms.brackets[n, 2]
    return margin


@scalar
def maintained(account: Account, low: float, high: float, terms: MarginTerms) -> float:
    """Maintenance margin with the position at the worse end of a price range, quote.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.accounting import MarginTerms, apply_fill, open_account
    >>> from quant_pipelines.accounting.cross_margin import maintained
    >>> short = apply_fill(open_account(10_000.0), -10.0, 100.0, 0.0)
    >>> maintained(short, 90.0, 110.0, MarginTerms(np.array([[0.0, 0.01, 0.0]]), 0.0, 0.0))  # 1 % of 1,100
    11.0
    """
    return maintenance_margin(abs(account.position) * (low if account.position > 0.0 else high), terms)


@scalar
def worst_balance(account: Account, low: float, high: float, terms: MarginTerms) -> float:
    """Equity less maintenance margin with the position at the worse end of a price range, quote.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.accounting import MarginTerms, apply_fill, open_account
    >>> from quant_pipelines.accounting.cross_margin import worst_balance
    >>> account = apply_fill(open_account(10_000.0), 10.0, 100.0, 0.0)
    >>> terms = MarginTerms(np.array([[0.0, 0.01, 0.0]]), 0.0, 0.0)
    >>> worst_balance(account, 90.0, 105.0, terms)  # 100 lost at 90, and 1 % of 900 to maintain
    9891.0
    """
    if account.position == 0.0:
        return account.cash
    price = low if account.position > 0.0 else high
    return equity(account, price) - maintenance_margin(abs(account.position) * price, terms)
