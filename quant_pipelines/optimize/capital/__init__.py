"""The capital decision over stored records: who is asked together at a look, and what it says of each."""

from quant_pipelines.optimize.capital.family import Family, family_of
from quant_pipelines.optimize.capital.looks import CapitalLook, PassedBefore, RecordResult, YearOfLooks
from quant_pipelines.optimize.capital.records import RecordDays, Unit, beyond_holding
from quant_pipelines.optimize.capital.seating import (
    Seat,
    Seating,
    following_look_day,
    newest_look_day,
    seated,
)

__all__ = [
    "YearOfLooks",
    "CapitalLook",
    "RecordResult",
    "PassedBefore",
    "RecordDays",
    "Unit",
    "beyond_holding",
    "Family",
    "family_of",
    "seated",
    "Seating",
    "Seat",
    "newest_look_day",
    "following_look_day",
]
