"""The decision: target, size, risk, order; one pure function for replay and stream."""

from quant_pipelines.trading.cycle import BookView, Decision, decide, decide_order
from quant_pipelines.trading.execution import Bracket, Execution
from quant_pipelines.trading.rules import Specification, TradingRules, TradingTerms
from quant_pipelines.trading.specifications import DatedSpecification, SpecificationHistory

__all__ = [
    "BookView",
    "Bracket",
    "DatedSpecification",
    "Decision",
    "Execution",
    "Specification",
    "SpecificationHistory",
    "TradingRules",
    "TradingTerms",
    "decide",
    "decide_order",
]
