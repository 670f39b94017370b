"""Bars of trades."""

import numpy as np

from quant_pipelines.archive.layouts.layout import Content
from quant_pipelines.core.timeframes import from_ms, timeframe_ms


def bars_of_trades(content: Content) -> Content:
    """Bars that trades make; a bar without a trade is none.

    Parameters
    ----------
    content
        Trades in order of time: ``ts``, ``price`` and ``quantity`` (base units).
    """
    ts, price, quantity = (content.columns[name] for name in ("ts", "price", "quantity"))
    opens = ts // timeframe_ms(content.asked.timeframe) * timeframe_ms(content.asked.timeframe)
    first = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
    last = np.append(first[1:], ts.size) - 1
    bars = content.taken(first).with_columns(
        ts=opens[first],
        open=price[first],
        high=np.maximum.reduceat(price, first),
        low=np.minimum.reduceat(price, first),
        close=price[last],
        volume=np.add.reduceat(quantity, first),
        quote_volume=np.add.reduceat(price * quantity, first),
        trades=(last - first + 1).astype(np.float64),
    )
    edges = f"{from_ms(int(ts[0])):%Y-%m-%d %H:%M:%S} to {from_ms(int(ts[-1])):%Y-%m-%d %H:%M:%S}"
    return bars.noted(f"made of {ts.size} trades from {edges}: the bars at both ends are as whole as these")
