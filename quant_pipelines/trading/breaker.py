"""Whether a deployment may trade."""

from typing import Literal, TypeAlias, get_args

TradingState: TypeAlias = Literal["ACTIVE", "REDUCING", "HALTED"]
"""All orders, only those that reduce, or none until a person looks."""
TRADING_STATES: tuple[TradingState, ...] = get_args(TradingState)
"""From the best to the worst."""
