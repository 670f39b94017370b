"""What is stored beside the rows of a file, by which its values are judged."""

from sqlalchemy import Engine

from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, timeframe_ms
from quant_pipelines.marketdata.file_rows import Incoming
from quant_pipelines.marketdata.file_values import PAST_BARS, StoredBeside
from quant_pipelines.store.bars import read_bars
from quant_pipelines.store.price_factors import read_factors


def stored_beside(engine: Engine, incoming: Incoming) -> StoredBeside:
    """Read the bars before a file's, or those around its open interest; nothing for funding."""
    key, series = incoming.key, incoming.series
    first_ms = int(series.ts[0])
    if series.kind == "bars":
        window = Window(first_ms - PAST_BARS * timeframe_ms(key.timeframe), first_ms)
        return StoredBeside(read_bars(engine, key, window), read_factors(engine, key.exchange, key.symbol))
    if series.kind == "open_interest":
        window = Window(first_ms - DAY_MS, int(series.ts[-1]) + 1)
        return StoredBeside(read_bars(engine, Series(key.exchange, key.symbol, "1h"), window))
    return StoredBeside()
