"""Hot-coin score: which symbols are unusual now, why, and how risky they are. Pure."""

from quant_pipelines.hotlist.factors import FACTORS, raw_factors
from quant_pipelines.hotlist.filters import FILTERS, exclusions
from quant_pipelines.hotlist.inputs import FactorInputs
from quant_pipelines.hotlist.labels import RiskLabels, risk_labels
from quant_pipelines.hotlist.score import FactorScore, HotScore, score_symbols

__all__ = [
    "FACTORS",
    "FILTERS",
    "FactorInputs",
    "FactorScore",
    "HotScore",
    "RiskLabels",
    "exclusions",
    "raw_factors",
    "risk_labels",
    "score_symbols",
]
