"""A strategy with a target at its book: it decides at the close of its own bars, and at no other."""

from collections.abc import Iterable

from quant_pipelines.backtest.book import Book, BookEvent
from quant_pipelines.backtest.desk import Close
from quant_pipelines.core.bars import Bars
from quant_pipelines.sdk.strategy import Strategy, target_of
from quant_pipelines.trading.cycle import decide_order
from quant_pipelines.trading.rules import TradingTerms


class TargetRun:
    """Decisions of one strategy.

    Parameters
    ----------
    strategy
        Is asked for its target, computed anew from the bars up to a close.
    book
        Takes the orders.
    """

    has_news = False

    def __init__(self, strategy: Strategy, book: Book) -> None:
        self._strategy = strategy
        self._book = book

    def note(self, events: Iterable[BookEvent]) -> None:
        """Keep nothing: a target follows from bars alone."""

    def act(self, terms: TradingTerms, close: Close, bars: Bars | None) -> None:
        """Decide on the target at the last bar; without one there is nothing to decide.

        Raises
        ------
        StrategyError
            If the target can't be used.
        """
        if bars is None:
            return
        target = float(target_of(self._strategy, bars)[-1])
        view = self._book.view(volatility=close.volatility, data_age_seconds=close.data_age_seconds)
        decision = decide_order(view, target, terms)
        self._book.submit(decision.order_quantity, target_side=decision.target_side)
