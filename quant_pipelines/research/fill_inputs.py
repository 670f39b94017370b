"""What decides fills besides bars and funding: mark prices, specifications as of a date, order books."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine

from quant_pipelines.core.depth import BookSample, DepthSeries
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.store.deployments import instrument_history
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.market import read_index_prices, read_mark_prices
from quant_pipelines.store.market_events import read_books
from quant_pipelines.trading import SpecificationHistory
from quant_pipelines.trading.specifications import ALWAYS_THE_SAME


@dataclass(frozen=True, slots=True, eq=False)
class FillInputs:
    """Inputs of one symbol; what isn't stored is None, or empty.

    Parameters
    ----------
    mark
        Mark prices, index prices in their place where only those are known.
    depth
        Sampled order books.
    specifications
        Lots, smallest orders and fees as of a date.
    """

    mark: MarkSeries | None = None
    depth: DepthSeries | None = None
    specifications: SpecificationHistory = ALWAYS_THE_SAME


NO_FILL_INPUTS = FillInputs()


def stored_fill_inputs(engine: Engine, exchange: str, symbol: str, start_ms: int, end_ms: int) -> FillInputs:
    """Read what the database has of a symbol in ``[start_ms, end_ms)``."""
    window = (engine, exchange, symbol, start_ms, end_ms)
    mark = _points(*read_mark_prices(*window)).or_index(_points(*read_index_prices(*window)))
    books = read_books(*window)
    with transaction(engine) as connection:
        stored = instrument_history(connection, exchange, symbol)
    return FillInputs(
        mark if len(mark) else None,
        DepthSeries.of_samples(BookSample(*book) for book in books) if books else None,
        SpecificationHistory.of_instruments(stored),
    )


def _points(ts: np.ndarray, price: np.ndarray) -> MarkSeries:
    step_ms = int(np.diff(ts).min()) if ts.size > 1 else 0
    return MarkSeries.of_points(ts, price, step_ms)
