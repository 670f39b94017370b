"""Words for what decides a weight, and for why there is no plan at all."""

from typing import Literal, TypeAlias

Bound: TypeAlias = Literal[
    "risk",
    "kelly",
    "max_weight",
    "max_gross",
    "max_net",
    "max_symbol",
    "max_exchange",
    "mirror",
    "no_volatility",
    "below_one_lot",
    "held_back",
]
"""What decided a weight: its share of the risk, what the record is worth, a cap, or a rule that leaves 0."""
Rule: TypeAlias = Literal[
    "no_deployments", "account_halted", "no_equity", "account_below_one_lot", "weights_sum_to_nothing"
]
"""Why there is no plan at all."""
