"""The capital decision over stored records: who is asked together at a look, and what it says of each."""

from quant_pipelines.optimize.capital.family import Family, family_of
from quant_pipelines.optimize.capital.looks import CapitalLook, PassedBefore, RecordResult, YearOfLooks
from quant_pipelines.optimize.capital.records import RecordDays, Unit, beyond_holding
from quant_pipelines.optimize.capital.said import SaidByLook, difference_of, records_that_differ, said_by
from quant_pipelines.optimize.capital.seating import (
    FamilySeat,
    Seating,
    following_look_day,
    newest_look_day,
    seated,
)
from quant_pipelines.optimize.capital.slow import (
    AskedRecords,
    holdings_asked,
    longest_holding_of,
    slow_result,
)
from quant_pipelines.optimize.capital.source import decision_digest

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
    "FamilySeat",
    "SaidByLook",
    "said_by",
    "difference_of",
    "records_that_differ",
    "decision_digest",
    "slow_result",
    "longest_holding_of",
    "holdings_asked",
    "AskedRecords",
    "newest_look_day",
    "following_look_day",
]
