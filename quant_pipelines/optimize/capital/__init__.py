"""The capital decision over stored records: who is asked together at a look, and what it says of each."""

from quant_pipelines.optimize.capital.family import Family, family_of
from quant_pipelines.optimize.capital.looks import CapitalLook, PassedBefore, RecordResult, YearOfLooks
from quant_pipelines.optimize.capital.records import RecordDays, beyond_holding
from quant_pipelines.optimize.capital.seating import Seat, Seating, newest_look_day, seated

__all__ = [
    "YearOfLooks",
    "CapitalLook",
    "RecordResult",
    "PassedBefore",
    "RecordDays",
    "beyond_holding",
    "Family",
    "family_of",
    "seated",
    "Seating",
    "Seat",
    "newest_look_day",
]
