"""Account of one book on a linear perpetual: a wallet, a signed position, and what they cost.

Cash is a wallet: it changes by realized profit, fees and funding, never by notional.
"""

from typing import NamedTuple

from quant_pipelines.core.jit import change_of, scalar

DUST = 1e-9


class Account(NamedTuple):
    """State of one book.

    Parameters
    ----------
    cash
        Wallet balance, quote.
    position
        Base, signed: positive is long. Exactly 0 when flat.
    entry_price
        Average price of the open position, quote per base; 0 when flat.
    realized_pnl
        Sum over all closings, quote, before fees and funding.
    fees
        Sum of fees paid, quote, never falling.
    funding
        Sum of funding paid, quote; negative when more was received.
    margin_funding
        Funding that the open position has paid, quote: what is missing in its isolated wallet. A part that is
        closed takes its share along.

    Examples
    --------
    >>> from quant_pipelines.accounting import Account, equity
    >>> account = Account(10_000.0, position=-2.0, entry_price=100.0, realized_pnl=0.0, fees=0.0, funding=0.0)
    >>> equity(account, 90.0)  # short two units, ten below their entry
    10020.0
    """

    cash: float
    position: float
    entry_price: float
    realized_pnl: float
    fees: float
    funding: float
    margin_funding: float = 0.0


_filled = change_of(Account, "cash", "position", "entry_price", "realized_pnl", "fees", "margin_funding")
_charged = change_of(Account, "cash", "funding", "margin_funding")
_with_cash = change_of(Account, "cash")


def open_account(capital: float) -> Account:
    """Flat account with that much cash, in quote.

    Examples
    --------
    >>> from quant_pipelines.accounting import open_account
    >>> open_account(10_000).cash
    10000.0
    """
    return Account(float(capital), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@scalar
def apply_fill(account: Account, quantity: float, price: float, fee: float) -> Account:
    """Account after a fill.

    Parameters
    ----------
    account
        State before.
    quantity
        Base, signed: positive buys. More than the opposite position closes it and opens the rest.
    price
        Quote per base.
    fee
        Quote, positive when paid.

    Notes
    -----
    A position that remains below 1e-9 of the fill's quantity is float dust: the account is flat.

    Examples
    --------
    >>> from quant_pipelines.accounting import apply_fill, open_account
    >>> account = apply_fill(open_account(10_000.0), 2.0, 100.0, fee=1.0)
    >>> account = apply_fill(account, -3.0, 110.0, fee=1.0)  # closes the two, and opens a short of one
    >>> account.cash, account.position, account.entry_price, account.realized_pnl
    (10018.0, -1.0, 110.0, 20.0)
    """
    held = account.position
    position = held + quantity
    if abs(position) <= DUST * abs(quantity):
        position = 0.0
    realized = margin_funding = 0.0
    entry_price = price
    if held * quantity > 0.0:
        margin_funding = account.margin_funding
        entry_price = (held * account.entry_price + quantity * price) / position
    elif held != 0.0:
        closed = -quantity if abs(quantity) < abs(held) else held
        realized = closed * (price - account.entry_price)
        if position * held > 0.0:
            entry_price = account.entry_price
            margin_funding = account.margin_funding * (position / held)
    if position == 0.0:
        entry_price = 0.0
    return _filled(
        account,
        cash=account.cash + realized - fee,
        position=position,
        entry_price=entry_price,
        realized_pnl=account.realized_pnl + realized,
        fees=account.fees + fee,
        margin_funding=margin_funding,
    )


@scalar
def apply_funding(account: Account, amount_paid: float) -> Account:
    """Account after a funding slot; ``amount_paid`` in quote, negative when received.

    Examples
    --------
    >>> from quant_pipelines.accounting import apply_funding, open_account
    >>> account = apply_funding(open_account(10_000.0), 2.5)
    >>> account.cash, account.funding
    (9997.5, 2.5)
    """
    return _charged(
        account,
        cash=account.cash - amount_paid,
        funding=account.funding + amount_paid,
        margin_funding=account.margin_funding + amount_paid,
    )


@scalar
def apply_transfer(account: Account, amount: float) -> Account:
    """Account after a deposit or a withdrawal; ``amount`` in quote, negative when taken out.

    Examples
    --------
    >>> from quant_pipelines.accounting import apply_transfer, open_account
    >>> apply_transfer(open_account(10_000.0), -500.0).cash
    9500.0
    """
    return _with_cash(account, account.cash + amount)


@scalar
def equity(account: Account, price: float) -> float:
    """Cash plus unrealized profit at a price, quote.

    Examples
    --------
    >>> from quant_pipelines.accounting import apply_fill, equity, open_account
    >>> account = apply_fill(open_account(10_000.0), 2.0, 100.0, 1.0)
    >>> equity(account, 105.0)  # the wallet less the fee, plus two times five
    10009.0
    """
    return account.cash + account.position * (price - account.entry_price)
