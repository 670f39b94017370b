"""What is held beyond a limit although no order took it there: the market has moved, or the limit has.

The same rows as before an order, asked about what is held alone; what is open is left out.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from quant_pipelines.core.account_limits import AccountLimits
from quant_pipelines.core.limits import RiskLimits
from quant_pipelines.risk.account_rules import ACCOUNT_RULES
from quant_pipelines.risk.account_view import AccountOrder, AccountView, BookExposure
from quant_pipelines.risk.held_names import HELD_ACCOUNT_RULES, HELD_RULES
from quant_pipelines.risk.rules import RULES, RiskRequest

_ROOM = 0.01
"""A fill's distance from the close that was decided on, and its fee, are no breach: fraction of the limit."""


def breach_of_book(book: BookExposure, limits: RiskLimits) -> str:
    """Why a book holds more than it may, in one clause; empty if it does not, or nobody knows.

    Examples
    --------
    >>> book = BookExposure(1, "A", 9.0, equity=1_000.0, day_start_equity=1_000.0, price=100.0)
    >>> breach_of_book(book, RiskLimits(max_position_notional=800.0))
    'notional_quota: 900 is held, beyond 800'
    >>> breach_of_book(book, RiskLimits(max_position_notional=895.0))
    ''
    """
    request = RiskRequest(book.position, book.price, book.equity, book.day_start_equity, 0.0)
    rows = (rule for rule in RULES if rule.name in HELD_RULES and book.position)
    return _first(_Held(rule.name, rule.observed(request), rule.limit(limits)) for rule in rows)


def breach_of_account(view: AccountView, symbol: str, limits: AccountLimits) -> str:
    """Why an account holds more than it may, as far as a symbol has a share in it; empty if it does not.

    Examples
    --------
    >>> books = {n: BookExposure(n, s, 4.0, (), 1_000.0, 1_000.0, 100.0) for n, s in ((1, "A"), (2, "B"))}
    >>> breach_of_account(AccountView(books, {}), "A", AccountLimits(max_gross_notional=700.0))
    'gross_exposure: 800 is held, beyond 700'
    """
    books = {key: book._replace(orders=()) for key, book in view.books.items()}
    held, nothing = view._replace(books=books), AccountOrder(0, symbol, 0.0, 0.0, 0)
    if held.net(symbol) == 0.0:
        return ""
    rows = (rule for rule in ACCOUNT_RULES if rule.name in HELD_ACCOUNT_RULES)
    return _first(_Held(rule.name, rule.observed(held, nothing), rule.limit(limits)) for rule in rows)


class _Held(NamedTuple):
    """What a rule observes of what is held, and its limit."""

    rule: str
    observed: float
    limit: float


def _first(told: Iterator[_Held]) -> str:
    for name, observed, limit in told:
        if limit < math.inf and observed > limit * (1.0 + _ROOM):
            return f"{name}: {observed:.6g} is held, beyond {limit:.6g}"
    return ""
