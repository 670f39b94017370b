"""Levels at which a person is told about an account, as a table. They deny nothing: limits do."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from quant_pipelines.risk.account_view import AccountView

_FEWEST_POSITIONS = 3
"""Of fewer positions one is always large."""


class AccountState(NamedTuple):
    """An account, the highest equity that it had, and the capital that was put into it; quote."""

    view: AccountView
    peak_nav: float
    capital: float


@dataclass(frozen=True, slots=True)
class AlertLevel:
    """One level: a person is told while what it observes is above it.

    Parameters
    ----------
    name
        As alerts keep it.
    level
        Fraction.
    observed
        In the same unit; NaN while it can't be told.
    what
        Words before the figures.
    """

    name: str
    level: float
    observed: Callable[[AccountState], float]
    what: str


def drawdown(state: AccountState) -> float:
    """Fall of the equity from its highest value, as a fraction of it."""
    return 1.0 - state.view.nav / state.peak_nav if state.peak_nav > 0.0 else math.nan


def exposure(state: AccountState) -> float:
    """Gross notional of all positions as a fraction of the equity."""
    return _fraction(sum(_notionals(state.view)), state.view.nav)


def concentration(state: AccountState) -> float:
    """Largest position of a symbol as a fraction of the equity."""
    return _fraction(max(_notionals(state.view), default=0.0), state.view.nav)


def concentration_of_positions(state: AccountState) -> float:
    """Largest position as a fraction of all, from three positions up; 0 below."""
    held = _notionals(state.view)
    return max(held) / sum(held) if len(held) >= _FEWEST_POSITIONS else 0.0


def lost_capital(state: AccountState) -> float:
    """Fraction of the capital that is gone."""
    return 1.0 - state.view.nav / state.capital if state.capital > 0.0 else math.nan


ALERT_LEVELS = (
    AlertLevel("drawdown", 0.20, drawdown, "equity has fallen from its peak by"),
    AlertLevel("exposure", 0.80, exposure, "gross notional over equity is"),
    AlertLevel("intraday_loss", 0.05, lambda state: state.view.day_loss_fraction, "loss since 00:00 UTC is"),
    AlertLevel("concentration", 0.50, concentration, "the largest position over equity is"),
    AlertLevel(
        "concentration_of_positions", 0.50, concentration_of_positions, "the largest of the positions is"
    ),
    AlertLevel("low_balance", 0.50, lost_capital, "the part of the capital that is gone is"),
)


def reached(state: AccountState) -> dict[str, str]:
    """Levels that an account is above, by name, each with one sentence.

    An account whose books are not all known is above none: silence is told of elsewhere.

    Examples
    --------
    >>> from quant_pipelines.risk.account_view import BookExposure
    >>> books = {1: BookExposure(1, "A", 9.0, (), equity=1_000.0, day_start_equity=1_000.0, price=100.0)}
    >>> reached(AccountState(AccountView(books, {}), peak_nav=1_100.0, capital=1_000.0))["exposure"]
    'gross notional over equity is 90.0 %, above 80.0 %'
    """
    told = {level: level.observed(state) for level in ALERT_LEVELS}
    return {
        level.name: f"{level.what} {observed:.1%}, above {level.level:.1%}".replace("%", " %")
        for level, observed in told.items()
        if observed > level.level
    }


def _notionals(view: AccountView) -> list[float]:
    """Worth of what is held of each symbol, open orders aside; quote, unsigned."""
    held = {symbol: sum(book.position for book in view.of_symbol(symbol)) for symbol in view.symbols}
    return [abs(quantity) * view.price_of(symbol) for symbol, quantity in held.items() if quantity != 0.0]


def _fraction(notional: float, nav: float) -> float:
    if nav <= 0.0:
        return math.inf if notional > 0.0 else 0.0
    return notional / nav
