"""What a deployment did on a day, beside its replay: decisions, fills, money, and what makes them differ.

Pure: the journal comes in as values, and nothing is read or written here.
"""

from quant_pipelines.parity.causes import CAUSES, Cause
from quant_pipelines.parity.comparison import DayComparison, compare
from quant_pipelines.parity.journal import (
    BookOpening,
    DayFill,
    DayJournal,
    DayPayment,
    Facts,
    HaltSpan,
    JournaledDecision,
    SeenBar,
)
from quant_pipelines.parity.replay import ReadAhead, ReplayedDay, ReplayPlan, replay

__all__ = [
    "BookOpening",
    "CAUSES",
    "Cause",
    "DayComparison",
    "DayFill",
    "DayJournal",
    "DayPayment",
    "Facts",
    "HaltSpan",
    "JournaledDecision",
    "ReadAhead",
    "ReplayPlan",
    "ReplayedDay",
    "SeenBar",
    "compare",
    "replay",
]
