"""A strategy with a target at its book: it decides at the close of its own bars, and at no other."""

from collections.abc import Callable, Iterable

from quant_pipelines.backtest.book.book import Book
from quant_pipelines.backtest.book.desk import Close
from quant_pipelines.backtest.book.values import BookEvent
from quant_pipelines.core.bars import Bars
from quant_pipelines.sdk.strategy import Strategy, target_of
from quant_pipelines.trading.cycle import decide_order
from quant_pipelines.trading.rules import TradingTerms

Aim = Callable[[Bars], float]
"""Target at the last of these bars."""


def anew_aim(strategy: Strategy) -> Aim:
    """Target of a strategy, computed anew from the bars up to a close."""
    return lambda bars: float(target_of(strategy, bars)[-1])


class TargetRun:
    """Decisions of one strategy.

    Parameters
    ----------
    aim
        Is asked for the target.
    book
        Takes the orders.
    """

    has_news = False

    def __init__(self, aim: Aim, book: Book) -> None:
        self._aim = aim
        self._book = book

    def note(self, events: Iterable[BookEvent]) -> None:
        """Keep nothing: a target follows from bars alone."""

    def to_document(self) -> None:
        """Remember nothing."""

    def act(self, terms: TradingTerms, close: Close, bars: Bars | None) -> None:
        """Decide on the target at the last bar; without one there is nothing to decide.

        Raises
        ------
        StrategyError
            If the target can't be used.
        """
        if bars is None:
            return
        decision = decide_order(close.view_of(self._book), self._aim(bars), terms)
        self._book.submit(decision.order_quantity, target_side=decision.target_side)
