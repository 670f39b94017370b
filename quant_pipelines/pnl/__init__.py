"""Where profit comes from, and the lots that it was made with; exact decimals.

Pure: fills, payments and prices come in as values, and nothing is read or written here.
"""

from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.pnl.agreement import StoredEquity, disagreements
from quant_pipelines.pnl.days import BookHistory, PnlDay, PnlDays, days_of, together, with_rest
from quant_pipelines.pnl.holding import HeldDay, held_average, held_whole
from quant_pipelines.pnl.lots import ClosedLot, LotFill, MatchedLots, MatchOrder, OpenLot, match_lots
from quant_pipelines.pnl.terms import (
    BookFill,
    BookMark,
    BookPayment,
    BookPeriod,
    PeriodPnl,
    PnlTerms,
    exact,
    split,
    summed,
)

__all__ = [
    "TRANSFER",
    "BookFill",
    "BookHistory",
    "BookMark",
    "BookPayment",
    "BookPeriod",
    "ClosedLot",
    "HeldDay",
    "LotFill",
    "MatchOrder",
    "MatchedLots",
    "OpenLot",
    "PeriodPnl",
    "PnlDay",
    "PnlDays",
    "PnlTerms",
    "StoredEquity",
    "days_of",
    "disagreements",
    "exact",
    "held_average",
    "held_whole",
    "match_lots",
    "split",
    "summed",
    "together",
    "with_rest",
]
