"""What decides fills besides bars and funding: mark prices, specifications as of a date, order books."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import Engine

from quant_pipelines.core.depth import BookSample, DepthSeries
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.core.price_factors import PriceFactor, adjusted_depth, adjusted_mark, scale_at
from quant_pipelines.core.series import Window
from quant_pipelines.store.deployments import instrument_history
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.market import read_index_prices, read_mark_prices
from quant_pipelines.store.market_events import read_books
from quant_pipelines.trading import SpecificationHistory
from quant_pipelines.trading.specifications import ALWAYS_THE_SAME, DatedSpecification


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
    factors
        Changes of the price's scale that the history is adjusted by.
    """

    mark: MarkSeries | None = None
    depth: DepthSeries | None = None
    specifications: SpecificationHistory = ALWAYS_THE_SAME
    factors: tuple[PriceFactor, ...] = ()

    def adjusted(self, factors: Sequence[PriceFactor]) -> "FillInputs":
        """Return the inputs in the newest scale of the price; a smallest order in quote has none."""
        if not factors:
            return self
        return FillInputs(
            self.mark and adjusted_mark(self.mark, factors),
            self.depth and adjusted_depth(self.depth, factors),
            SpecificationHistory(tuple(_adjusted(one, factors) for one in self.specifications.dated)),
            tuple(factors),
        )


NO_FILL_INPUTS = FillInputs()


def stored_fill_inputs(engine: Engine, exchange: str, symbol: str, window: Window) -> FillInputs:
    """Read what the database has of a symbol in a window."""
    asked = (engine, exchange, symbol, window)
    mark = _points(*read_mark_prices(*asked)).or_index(_points(*read_index_prices(*asked)))
    books = read_books(*asked)
    with transaction(engine) as connection:
        stored = instrument_history(connection, exchange, symbol)
    return FillInputs(
        mark if len(mark) else None,
        DepthSeries.of_samples(BookSample(*book) for book in books) if books else None,
        SpecificationHistory.of_instruments(stored),
    )


def _adjusted(one: DatedSpecification, factors: Sequence[PriceFactor]) -> DatedSpecification:
    scale = float(scale_at(np.array([one.from_ms], dtype=np.int64), factors)[0])
    lots = replace(one.specification, lot_size=one.specification.lot_size / scale)
    return replace(one, specification=lots)


def _points(ts: np.ndarray, price: np.ndarray) -> MarkSeries:
    step_ms = int(np.diff(ts).min()) if ts.size > 1 else 0
    return MarkSeries.of_points(ts, price, step_ms)
