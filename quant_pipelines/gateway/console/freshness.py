"""How old a value may be, by its source: fresh, late (look again soon), stale (says nothing of now)."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from quant_pipelines.operations.health import STALE_AFTER_MS
from quant_pipelines.operations.outages import FRESH_SECONDS

AgeState: TypeAlias = Literal["fresh", "late", "stale", "unknown"]
_HOUR: Final = 3600.0


class AgeAllowance(NamedTuple):
    """Seconds after which a value of a source is late and stale; ``steps`` are added in steps of a bar."""

    late: float
    stale: float
    late_steps: float = 0.0
    stale_steps: float = 0.0


ALLOWANCES: Final[Mapping[str, AgeAllowance]] = MappingProxyType(
    {
        "page": AgeAllowance(30, 120),
        "runner": AgeAllowance(FRESH_SECONDS, 4 * FRESH_SECONDS),
        "service": AgeAllowance(120, 900),
        "book": AgeAllowance(120, 120, late_steps=1.0, stale_steps=3.0),
        "funds": AgeAllowance(120, 900),
        "market": AgeAllowance(STALE_AFTER_MS / 1000, _HOUR),
        "scan": AgeAllowance(6 * _HOUR, 26 * _HOUR),
        "plan": AgeAllowance(26 * _HOUR, 50 * _HOUR),
        "scorecard": AgeAllowance(26 * _HOUR, 50 * _HOUR),
        "parity": AgeAllowance(50 * _HOUR, 74 * _HOUR),
    }
)
"""One row for each source; values are as of the close of a bar, the end of a scan, a sign of life."""


class Age(NamedTuple):
    """How old a value is, seconds, and until when it is fresh and late."""

    state: AgeState
    seconds: float
    late: float
    stale: float


def age_of(source: str, at: datetime | None, now: datetime, *, step_seconds: float = 0.0) -> Age:
    """Judge the age of a value.

    Parameters
    ----------
    source
        Row of ``ALLOWANCES``.
    at
        When it was true; None if it never was.
    now
        Time of the look.
    step_seconds
        Length of a bar, for what comes with each of them.
    """
    row = ALLOWANCES[source]
    late, stale = row.late + row.late_steps * step_seconds, row.stale + row.stale_steps * step_seconds
    if at is None:
        return Age("unknown", 0.0, late, stale)
    seconds = max(0.0, (now - at).total_seconds())
    return Age("fresh" if seconds < late else "late" if seconds < stale else "stale", seconds, late, stale)
