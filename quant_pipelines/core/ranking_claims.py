"""Words for what a ranking of symbols is compared with, and for what can be said of it."""

from typing import Literal, TypeAlias

Target: TypeAlias = Literal["return", "size"]
"""What a ranking is compared with: the return after it, or its size without the sign."""
Claim: TypeAlias = Literal["useful", "misleading", "none", "too_few"]
