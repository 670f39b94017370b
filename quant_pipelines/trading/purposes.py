"""What an order is for; with the deployment and the bar it names the order once."""

from typing import Final, Literal, NewType, TypeAlias

RestingPurpose = NewType("RestingPurpose", str)
"""``order`` and the number that an event strategy knows its order by."""
Purpose: TypeAlias = Literal["target", "remainder", "stop", "flatten", "close", "exit"] | RestingPurpose

TARGET: Final = "target"
REMAINDER: Final = "remainder"
"""What the first order of a target has left open: at another price, at market, or as the next part."""
ENTRIES = (TARGET, REMAINDER)
"""What follows a target."""
STOP: Final = "stop"
"""It stands at the venue."""
FLATTEN: Final = "flatten"
"""Nothing protects the position."""
CLOSE: Final = "close"
"""An operator asked."""
EXIT: Final = "exit"
"""A stop fired at a bar's close."""
EXITS = (FLATTEN, CLOSE, EXIT)
"""What closes a position at once."""

KILL_PREFIX: Final = "kill-"
"""How the names of orders begin that closed an account without the runner."""

INTERNAL_PREFIX: Final = "internal-"
"""How the names of trades begin that two books made with each other; no venue knows them."""

_RESTING = "order "


def resting_purpose(number: int) -> RestingPurpose:
    """Purpose of an event strategy's order."""
    return RestingPurpose(f"{_RESTING}{number}")


def is_decided(purpose: Purpose) -> bool:
    """Whether a strategy has decided on such an order at a close, by a target or by itself."""
    return purpose == TARGET or bool(number_of(purpose))


def number_of(purpose: Purpose) -> int:
    """Return the number of an event strategy's order in its book; 0 for any other."""
    return int(purpose.removeprefix(_RESTING)) if purpose.startswith(_RESTING) else 0
