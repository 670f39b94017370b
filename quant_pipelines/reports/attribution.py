"""Where a result comes from: price, slippage, fees, funding; the parts add up to the change of equity."""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.costs import CostTerms, cost_terms
from quant_pipelines.reports.run import BacktestRun

_LIMIT_EXITS = ("take_profit", "liquidation", "bankruptcy", "limit_order")
"""Exits at a price of their own: nothing is added to it."""


class Attribution(NamedTuple):
    """Parts of a result, quote; costs are positive when paid.

    ``price`` is what the position would have earned at the prices before slippage:
    ``price - slippage - fees - funding == net``. ``is_exact`` tells whether the slippage follows from the
    cost terms alone; otherwise it is an estimate, and ``price`` with it.
    """

    price: float
    slippage: float
    fees: float
    funding: float
    net: float
    is_exact: bool


def attribute(run: BacktestRun) -> Attribution:
    """Take a result apart.

    Fees and funding are those that were booked. The slippage of market orders is recovered from the prices
    that were paid and the cost terms: the same fraction of each price, so averages over several fills do as
    well. It is an estimate where an impact depends on each fill's size, and where limits or stored order
    books may have filled a part.
    """
    result, terms = run.result, cost_terms(run.rules.costs)
    is_market = np.array([trade.exit_reason not in _LIMIT_EXITS for trade in result.trades], dtype=bool)
    slippage = _entries(run, terms) + _exits(run, terms, is_market) + _open_entry(run, terms)
    net = result.final_equity - result.capital
    price = net + slippage + result.fees_paid + result.funding_paid
    is_exact = terms.impact_rate == 0.0 and not run.has_other_fills and bool(is_market.all())
    return Attribution(price, slippage, result.fees_paid, result.funding_paid, net, is_exact)


def _entries(run: BacktestRun, terms: CostTerms) -> float:
    at = _bars_of(run, run.column("entry_ts"))
    size, paid, side = (run.column(name) for name in ("quantity", "entry_price", "side"))
    before = paid / (1.0 + side * _rates(run, terms, at, size))
    return float(np.sum(size * np.abs(paid - before)))


def _exits(run: BacktestRun, terms: CostTerms, is_market: BoolArray) -> float:
    at = _bars_of(run, run.column("exit_ts"))
    size, paid, side = (run.column(name) for name in ("quantity", "exit_price", "side"))
    rate = _rates(run, terms, at, size)
    before = paid / (1.0 - side * rate)
    return float(np.sum(size[is_market] * np.abs(paid - before)[is_market]))


def _open_entry(run: BacktestRun, terms: CostTerms) -> float:
    held = run.result.open_position
    if held is None:
        return 0.0
    side = 1.0 if held.quantity > 0.0 else -1.0
    before = held.entry_price / (1.0 + side * terms.slippage_rate)
    return abs(held.quantity * (held.entry_price - before))


def _rates(run: BacktestRun, terms: CostTerms, at: IntArray, size: FloatArray) -> FloatArray:
    """Slippage as a fraction of price, with the impact that the volume of the bar before gives."""
    rate = np.full(size.size, terms.slippage_rate)
    if terms.impact_rate > 0.0:
        volume = np.where(at > 0, run.execution.volume[np.maximum(at, 1) - 1], 0.0)
        share = np.divide(size, volume, out=np.full_like(size, np.inf), where=volume > 0.0)
        rate += np.minimum(terms.impact_rate * np.sqrt(share), terms.impact_cap)
    return rate


def _bars_of(run: BacktestRun, ts: FloatArray) -> IntArray:
    found = np.searchsorted(run.execution.ts, ts.astype(np.int64), side="right") - 1
    return np.maximum(found, 0)
