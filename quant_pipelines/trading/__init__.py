"""The decision: target, size, risk, order; one pure function for replay and stream."""

from quant_pipelines.trading.cycle import BookView, Decision, decide, decide_order
from quant_pipelines.trading.execution import Bracket, Execution
from quant_pipelines.trading.rules import Specification, TradingRules, TradingTerms

__all__ = [
    "BookView",
    "Bracket",
    "Decision",
    "Execution",
    "Specification",
    "TradingRules",
    "TradingTerms",
    "decide",
    "decide_order",
]
