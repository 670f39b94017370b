"""The books of an account laid one after the other, as the compiled pass reads them."""

from collections.abc import Sequence

import numpy as np

from quant_pipelines.backtest.account.plan import Allocation, PlannedBook
from quant_pipelines.backtest.account.values import REEL, Reel, ShareTargets
from quant_pipelines.backtest.market.market import Market, at_decisions
from quant_pipelines.backtest.market.settings import BacktestSettings, dated_terms
from quant_pipelines.backtest.market.stop_rules import with_factors
from quant_pipelines.backtest.market.tape import Beside, Dated, LoopTerms
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.strategy import target_of

_PAID = ("funding_per_unit", "funding_inside")
_PAID_AT = [REEL.index(name) for name in _PAID]


def reel_of(books: Sequence[PlannedBook]) -> Reel:
    """Lay the execution bars of all books, and what is known beside them, one after the other."""
    tapes = [book.market.tape(book.allocation.strategy.stops) for book in books]
    end = np.cumsum([tape.ts.size for tape in tapes])
    first = np.concatenate([[0], end[:-1]])
    values = np.empty((int(end[-1]), len(REEL)))
    for book, tape, start, stop in zip(books, tapes, first, end, strict=True):
        for column, name in enumerate(REEL):
            if name not in _PAID:
                given = getattr(tape, name)
                values[start:stop, column] = given if given.size else np.nan
        values[start:stop, _PAID_AT] = book.market.payments.on_bars(tape.ts.size)
    spans = [_begins(book) for book in books]
    first_span = np.cumsum([0, *(span.size for span in spans[:-1])])
    span, dated = np.concatenate(spans), _dated(books)
    beside = _beside([book.market for book in books], dated)
    ts = np.concatenate([tape.ts for tape in tapes])
    at_end = np.array([tape.funding_at_end for tape in tapes])
    return Reel(ts, values, first, end, span, first_span, at_end, dated, beside)


def wanted_by(books: Sequence[PlannedBook]) -> ShareTargets:
    """Shares and targets of all books at their execution closes.

    Raises
    ------
    StrategyError
        If a strategy's target can't be used.
    """
    rows = [book.market.decision_row for book in books]
    targets = [at_decisions(*pair) for pair in zip(targets_of(books), rows, strict=True)]
    return ShareTargets(np.array([book.share for book in books]), np.concatenate(targets))


def targets_of(books: Sequence[PlannedBook]) -> list[FloatArray]:
    """Target of each book on its strategy's bars, shape (n_bars,); (0,) where one has none.

    Raises
    ------
    StrategyError
        If a strategy's target can't be used.
    """
    allocations = {id(book.allocation): book.allocation for book in books}
    known = {key: _target_of(allocation) for key, allocation in allocations.items()}
    return [book.own(book.allocation.bars, known[id(book.allocation)]) for book in books]


def _target_of(allocation: Allocation) -> FloatArray:
    strategy = allocation.strategy
    return np.empty(0) if isinstance(strategy, EventStrategy) else target_of(strategy, allocation.bars)


def terms_of(books: Sequence[PlannedBook], settings: BacktestSettings) -> LoopTerms:
    """Terms of a pass with a lane for each book; what a symbol's specification changes stands in the reel.

    Raises
    ------
    StrategyError
        If a strategy's factors on its stops can't be used.
    """
    market = books[0].market
    strategies = [book.allocation.strategy for book in books]
    terms = settings.loop_terms(strategies[:1], market.execution.step_ms, market.bars.step_ms)
    steps = [
        settings.step_terms(strategy, book.market.execution.step_ms, book.market.bars.step_ms)
        for strategy, book in zip(strategies, books, strict=True)
    ]
    rows = np.array([step.stops for step in steps], dtype=np.float64)
    if settings.has_stops:
        rows = with_factors(rows, [book.factors for book in books])
    return terms._replace(stops=rows)


def _dated(books: Sequence[PlannedBook]) -> Dated:
    """Specifications of all books."""
    parts = [dated_terms(book.settings.rules, book.settings.specifications) for book in books]
    n_brackets = np.concatenate([np.diff(part.first_bracket) for part in parts])
    return Dated(
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.brackets for part in parts]),
        np.cumsum([0, *n_brackets]).astype(np.int64),
    )


def _begins(book: PlannedBook) -> IntArray:
    """Find the times from which on the specifications of a book are in force, and one that never comes."""
    later = [one.from_ms for one in book.settings.specifications.dated[1:]]
    return np.array([np.iinfo(np.int64).min, *later, np.iinfo(np.int64).max], dtype=np.int64)


def _beside(markets: Sequence[Market], dated: Dated) -> Beside | None:
    """Lay out marks and order books of all markets; what only the lanes read is left out."""
    has_marks = any(market.marks.open.size for market in markets)
    if not has_marks and not any(market.ladder.size for market in markets):
        return None
    nothing = np.empty(0)
    opens = highs = lows = nothing
    if has_marks:
        sizes = [len(market.execution) for market in markets]
        opens = _or_zero([market.marks.open for market in markets], sizes)
        highs = _or_zero([market.marks.high for market in markets], sizes)
        lows = _or_zero([market.marks.low for market in markets], sizes)
    ladders, ladder = _ladders(markets)
    span = np.empty(0, dtype=np.int64)
    return Beside(nothing, nothing, opens, highs, lows, ladders, ladder, span, dated)


def _or_zero(parts: Sequence[FloatArray], sizes: Sequence[int]) -> FloatArray:
    return np.concatenate([part if part.size else np.zeros(n) for part, n in zip(parts, sizes, strict=True)])


def _ladders(markets: Sequence[Market]) -> tuple[FloatArray, IntArray]:
    """Order books of all markets after the empty one, and the one that is known in each row."""
    n_levels = max(market.depth.ladders.shape[2] for market in markets)
    n_samples = [len(market.depth) for market in markets]
    ladders, at, done = np.zeros((1 + sum(n_samples), 2, n_levels, 2)), [], 1
    for market, count in zip(markets, n_samples, strict=True):
        ladders[done : done + count, :, : market.depth.ladders.shape[2]] = market.depth.ladders
        rows = market.ladder if market.ladder.size else np.full(len(market.execution), -1)
        at.append(np.where(rows >= 0, rows + done, 0))
        done += count
    return ladders, np.concatenate(at).astype(np.int64)
