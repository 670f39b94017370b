"""Limits of a whole account, by name; a book's own are in ``limits``."""

import dataclasses
import math
from dataclasses import dataclass

from quant_pipelines.core.bounds import Bounds
from quant_pipelines.core.limits import LIMITS
from quant_pipelines.core.setting_fields import LEAST_LIMIT, MOST_LIMIT, setting


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """Limits of one account; infinite is no limit. Each field carries its description, unit and range.

    ``max_leverage``, ``max_daily_loss_fraction`` and ``max_data_age_seconds`` of the scope ``account`` hold
    for each book and, here, for all of them together.
    """

    max_order_quantity: float = setting(math.inf, "largest order in base", low=0)
    max_order_notional: float = setting(math.inf, "largest order in quote", low=0)
    max_price_deviation: float = setting(
        math.inf,
        "an order's price may differ by this fraction from mark and last price",
        low=0,
        high=1,
    )
    max_open_order_notional: float = setting(
        math.inf, "open and unknown orders of the account in quote", low=0
    )
    max_symbol_notional: float = setting(
        math.inf, "position, open and unknown orders of one symbol of the account in quote", low=0
    )
    max_gross_notional: float = setting(
        math.inf, "sum of all positions of the account in quote, whatever their side", low=0
    )
    max_net_notional: float = setting(
        math.inf, "longs less shorts of the account in quote, whatever the side", low=0
    )
    max_leverage: float = setting(math.inf, "gross notional over equity", low=0, high=125)
    max_symbol_fraction: float = setting(
        math.inf, "one symbol's notional as a fraction of the account's equity", low=0, high=125
    )
    max_daily_loss_fraction: float = setting(
        math.inf, "loss of the account since 00:00 UTC, as a fraction of its equity then", low=0, high=1
    )
    max_account_loss_fraction: float = setting(
        math.inf, "loss of that kind at which everything is closed: the account's hard stop", low=0, high=1
    )
    max_data_age_seconds: float = setting(math.inf, "older market data stop new exposure", low=1)
    max_orders_per_minute: float = setting(math.inf, "orders of the account in 60 seconds", low=1)
    max_orders_per_fill: float = setting(
        math.inf, "orders for each fill since 00:00 UTC, from 20 orders on", low=1
    )
    max_repeated_executions: float = setting(
        math.inf, "same orders of one deployment executed in an hour, until a person lets it go on", low=1
    )
    max_rejects: float = setting(
        10.0,
        "orders of the account that a venue refused in 10 minutes, until a person lets it go on",
        low=1,
    )
    max_identical_orders: float = setting(
        1.0, "same orders of one deployment within 2 seconds; more are a loop, not a strategy", low=1
    )

    @classmethod
    def of(cls, stored: dict[str, float]) -> "AccountLimits":
        """Limits of the scope ``account`` as they are stored; names that are none of these are others'."""
        return cls(**{name: value for name, value in stored.items() if name in ACCOUNT_LIMITS})


ACCOUNT_LIMITS = {field.name: field for field in dataclasses.fields(AccountLimits)}
"""Limits of an account by name, with their descriptions and ranges."""
EVERY_LIMIT = {**ACCOUNT_LIMITS, **LIMITS}
"""The same with those of a book."""
COUNTS = (
    "max_identical_orders",
    "max_orders_per_day",
    "max_orders_per_minute",
    "max_rejects",
    "max_repeated_executions",
)
"""Limits that are numbers of orders: whole ones."""
NO_ACCOUNT_LIMITS = AccountLimits()


def meant_bounds(limit: str) -> Bounds:
    """Values that somebody can mean by a limit: those of its field but 0, and but what is a slip.

    Raises
    ------
    KeyError
        If there is no such limit.

    Examples
    --------
    >>> meant_bounds("max_leverage").range_text
    'a value in [1e-09, 125]'
    >>> meant_bounds("max_orders_per_day").range_text
    'a value in [1, 1000000000000000]'
    """
    own: Bounds = EVERY_LIMIT[limit].metadata["bounds"]
    smallest = 1 if limit in COUNTS else LEAST_LIMIT
    low = smallest if own.low is None else max(own.low, smallest)
    return Bounds(low, MOST_LIMIT if own.high is None else min(own.high, MOST_LIMIT))
