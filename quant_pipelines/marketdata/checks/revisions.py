"""Bars that the exchange changed after they had closed."""

import math
from collections.abc import Sequence
from typing import Any

from quant_pipelines.core.bars import PRICE_COLUMNS
from quant_pipelines.marketdata.checks.finding import WARNING, Finding

REVISED_BARS = "revised_bars"


def finding_of(revisions: Sequence[Any]) -> Finding:
    """Report the revisions of one day, each with ``ts_ms``, ``old`` and ``new`` (values by column)."""
    worst = max(revisions, key=_price_change)
    change = _price_change(worst)
    detail = {
        "largest_change": change if math.isfinite(change) else None,
        "old": dict(worst.old),
        "new": dict(worst.new),
    }
    return Finding(REVISED_BARS, WARNING, tuple(one.ts_ms for one in revisions), detail)


def _price_change(revision: Any) -> float:
    """Relative change of the price that changed most; infinite where there was no price."""
    pairs = [(float(revision.old[name]), float(revision.new[name])) for name in PRICE_COLUMNS]
    return max(abs(new / old - 1.0) if old > 0 else math.inf for old, new in pairs)
