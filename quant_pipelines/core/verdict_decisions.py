"""Words for what was decided on a strategy by its evidence."""

from typing import Final, Literal, TypeAlias

VerdictDecision: TypeAlias = Literal["candidate", "admitted", "rejected"]
CANDIDATE: Final = "candidate"
ADMITTED: Final = "admitted"
REJECTED: Final = "rejected"
