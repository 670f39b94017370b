"""The decision: target, size, risk, order; one pure function for replay and stream."""

from typing import TYPE_CHECKING

from quant_pipelines.core.late_names import names_of

if TYPE_CHECKING:
    from quant_pipelines.trading.cycle import BookView, Decision, decide, decide_order
    from quant_pipelines.trading.execution import Bracket, Execution
    from quant_pipelines.trading.rules import Specification, TradingRules, TradingTerms
    from quant_pipelines.trading.specifications import DatedSpecification, SpecificationHistory
else:
    __getattr__ = names_of(
        __name__,
        {
            "cycle": (
                "BookView",
                "Decision",
                "decide",
                "decide_order",
            ),
            "execution": (
                "Bracket",
                "Execution",
            ),
            "rules": (
                "Specification",
                "TradingRules",
                "TradingTerms",
            ),
            "specifications": (
                "DatedSpecification",
                "SpecificationHistory",
            ),
        },
    )

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
