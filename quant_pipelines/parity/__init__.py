"""What a deployment did on a day, beside its replay: decisions, fills, money, and what makes them differ.

Pure: the journal comes in as values, and nothing is read or written here.
"""

from quant_pipelines.parity.causes import CAUSES, Cause
from quant_pipelines.parity.comparison import Comparison, compare
from quant_pipelines.parity.journal import (
    DayJournal,
    Facts,
    JournaledDecision,
    Opening,
    Payment,
    SeenBar,
    Span,
    Trade,
)
from quant_pipelines.parity.replay import Readings, Replayed, ReplayPlan, replay

__all__ = [
    "CAUSES",
    "Cause",
    "Comparison",
    "DayJournal",
    "Facts",
    "JournaledDecision",
    "Opening",
    "Payment",
    "Readings",
    "ReplayPlan",
    "Replayed",
    "SeenBar",
    "Span",
    "Trade",
    "compare",
    "replay",
]
