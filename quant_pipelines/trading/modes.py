"""Modes of an account that this system does not trade in, refused by name."""

from typing import NamedTuple


class AccountModes(NamedTuple):
    """Which modes an account is in.

    Parameters
    ----------
    has_hedge
        It keeps long and short positions of a symbol apart.
    has_multi_assets
        Other assets than the one that positions are settled in count as margin.
    has_portfolio_margin
        Margin is that of all its markets together.
    """

    has_hedge: bool = False
    has_multi_assets: bool = False
    has_portfolio_margin: bool = False


_WANTED = {
    "has_hedge": ("hedge mode", "one-way mode: at the exchange, futures preferences, position mode"),
    "has_multi_assets": (
        "multi-assets mode",
        "single-asset mode: at the exchange, futures preferences, asset mode",
    ),
    "has_portfolio_margin": (
        "portfolio margin",
        "a standard account: at the exchange, account, portfolio margin, leave; or use a sub-account",
    ),
}
"""Each mode's name, and what to switch to, where."""


def mode_fault(modes: AccountModes) -> str:
    """Why nothing may be opened in these modes, in one sentence; empty when something may.

    Examples
    --------
    >>> mode_fault(AccountModes())
    ''
    >>> mode_fault(AccountModes(has_hedge=True))
    'the account has hedge mode; expected one-way mode: at the exchange, futures preferences, position mode'
    """
    wrong = [words for name, words in _WANTED.items() if getattr(modes, name)]
    if not wrong:
        return ""
    names, wanted = zip(*wrong, strict=True)
    return f"the account has {' and '.join(names)}; expected {'; and '.join(wanted)}"
