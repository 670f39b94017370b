"""What a fill costs, and in which steps quantities come: compiled scalars."""

from quant_pipelines.costs.depth import taker_price
from quant_pipelines.costs.fees import CostTerms, cost_terms, fee_of, fill_price, impact_of, maker_fee_of
from quant_pipelines.costs.lots import floor_to_lot, is_below_min_notional, whole_lots

__all__ = [
    "CostTerms",
    "cost_terms",
    "fee_of",
    "fill_price",
    "floor_to_lot",
    "impact_of",
    "is_below_min_notional",
    "maker_fee_of",
    "taker_price",
    "whole_lots",
]
