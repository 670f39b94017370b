"""Slippage and impact as own fills show them."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

FEWEST = 30
"""Orders that a fit needs: what fewer have paid is the price's own way from decision to fill, not a cost."""


class OwnFill(NamedTuple):
    """What one market order got.

    Parameters
    ----------
    quantity
        Base, signed: positive bought.
    price
        Average of its fills, quote per base.
    decision_price
        Price at which it was decided.
    volume
        Base, of the bar that closed at the decision.

    Examples
    --------
    >>> from quant_pipelines.costs.calibration import OwnFill
    >>> fill = OwnFill(quantity=2.0, price=100.05, decision_price=100.0, volume=200.0)
    >>> round((fill.price / fill.decision_price - 1.0) * 1e4, 6)  # basis points that a buyer paid
    5.0
    """

    quantity: float
    price: float
    decision_price: float
    volume: float


class CostEstimate(NamedTuple):
    """Costs beside the fee, in basis points of price, with their standard errors.

    Parameters
    ----------
    n_fills
        Orders that were used.
    slippage_bps, slippage_error_bps
        What an order of no size pays: half the spread, and what the price moved until the fill.
    impact_bps, impact_error_bps
        What an order as large as the bar's volume pays on top. NaN where it can't be told from the rest.

    Examples
    --------
    >>> from quant_pipelines.costs.calibration import CostEstimate
    >>> CostEstimate(30, 4.987, 0.5, float("nan"), float("nan")).settings
    {'slippage_bps': 4.99, 'spread_bps': 0.0, 'impact_bps': 0.0}
    """

    n_fills: int
    slippage_bps: float
    slippage_error_bps: float
    impact_bps: float
    impact_error_bps: float

    @property
    def settings(self) -> dict[str, float]:
        """Values for the settings of ``costs``: rounded, never negative, no impact where it isn't known."""
        impact = self.impact_bps if math.isfinite(self.impact_bps) else 0.0
        return {
            "slippage_bps": round(max(self.slippage_bps, 0.0), 2),
            "spread_bps": 0.0,
            "impact_bps": round(max(impact, 0.0), 2),
        }


def estimate_costs(fills: Sequence[OwnFill]) -> CostEstimate | None:
    """Least squares of what orders paid on the root of their share of the volume; None below `FEWEST`.

    Orders without a volume tell nothing about impact and are left out.

    Notes
    -----
    ``side x (price / decision_price - 1) = slippage + impact x sqrt(|quantity| / volume) + noise``: what
    ``fill_price`` charges. The linear fit of costs on a power of the share is that of Almgren, Thum,
    Hauptmann and Li, "Direct Estimation of Equity Market Impact" (2005), without their scaling by volatility;
    they prefer the exponent 3/5 to the square root, which is ours. The noise is mostly the price's own way
    from the decision to the fill; a strategy that follows the price finds part of that way in its slippage.
    Standard errors are those of ordinary least squares with ``n - 2`` degrees of freedom.

    Examples
    --------
    >>> from quant_pipelines.costs.calibration import OwnFill, estimate_costs
    >>> paid = {(n / 100) ** 2: 1.0 + n / 10 for n in range(1, 31)}  # basis points by share: 1 + 10 * root
    >>> fills = [OwnFill(100.0 * share, 100.0 + bps / 100.0, 100.0, 100.0) for share, bps in paid.items()]
    >>> estimate_costs(fills).settings
    {'slippage_bps': 1.0, 'spread_bps': 0.0, 'impact_bps': 10.0}
    """
    used = [fill for fill in fills if fill.volume > 0.0 and fill.quantity != 0.0]
    if len(used) < FEWEST:
        return None
    quantity, price, decided, volume = np.array(used, dtype=np.float64).T
    paid = np.sign(quantity) * (price / decided - 1.0) * 1e4
    share = np.sqrt(np.abs(quantity) / volume)
    spread = share - share.mean()
    n = len(used)
    if not spread @ spread > 1e-12 * n * share.mean() ** 2:
        error = float(paid.std(ddof=1)) / math.sqrt(n)
        return CostEstimate(n, float(paid.mean()), error, math.nan, math.nan)
    impact = float(spread @ paid / (spread @ spread))
    slippage = float(paid.mean() - impact * share.mean())
    left = paid - slippage - impact * share
    variance = float(left @ left) / (n - 2)
    impact_error = math.sqrt(variance / float(spread @ spread))
    slippage_error = math.sqrt(variance * (1.0 / n + float(share.mean()) ** 2 / float(spread @ spread)))
    return CostEstimate(n, slippage, slippage_error, impact, impact_error)
