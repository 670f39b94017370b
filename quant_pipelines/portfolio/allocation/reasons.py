"""Why a weight is what it is, in one sentence with the figures."""

from quant_pipelines.core.allocation_rules import Bound
from quant_pipelines.portfolio.allocation.arms import Arm, Estimate
from quant_pipelines.portfolio.allocation.ideas import Mirror

_CAPS: dict[Bound, str] = {
    "max_weight": "the most that one deployment may have",
    "max_gross": "lowered with all others: together they may not be larger",
    "max_net": "lowered with all on its side: long less short may not be larger",
    "max_symbol": "lowered with all others of its symbol",
    "max_exchange": "lowered with all others of its exchange",
}


def reason_of(arm: Arm, known: Estimate, bound: Bound, mirror: Mirror | None) -> str:
    """Say what decided a weight.

    Parameters
    ----------
    arm, known
        Whose weight, and what its record says.
    bound
        What decided it.
    mirror
        Whose mirror it is; None for one that is nobody's.
    """
    if mirror is not None:
        return f"mirrors deployment:{mirror.of}: correlation {mirror.correlation:.2f}"
    if bound == "no_volatility":
        return f"{arm.returns.size} days show no volatility, and that of {arm.symbol} is not known"
    return _said(arm, known, bound) + _whose(arm, known)


def _said(arm: Arm, known: Estimate, bound: Bound) -> str:
    if bound == "kelly":
        return (
            f"worth no more: a Sharpe ratio of {known.sharpe:.2f} over {known.years:.2f} years counts as "
            f"{known.believed_sharpe:.3f}"
        )
    if bound == "below_one_lot":
        return f"below one lot, which is {arm.least_weight:.2%} of the account"
    if bound == "held_back":
        return f"may not rise: {arm.held_back}"
    return _CAPS.get(bound, f"its share of the risk at a volatility of {known.volatility:.1%} a year")


def _whose(arm: Arm, known: Estimate) -> str:
    if known.source == "record":
        return ""
    return f"; the volatility is that of {arm.symbol}, as {arm.returns.size} own days show none"
