"""What the market did since the last bar of a deployment, and the same as bars for its broker."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from live_runner.book.fill_data import FillData, SlotPrices
from live_runner.book.inputs import Heard
from quant_pipelines.backtest import ExecutionBar, MarkBar
from quant_pipelines.backtest.book.values import FundingSlot
from quant_pipelines.core.depth import no_depth
from quant_pipelines.exchange import BarRows, FundingRate


@dataclass(frozen=True, slots=True)
class Tick:
    """What the market did since the last tick, and when it is told.

    Parameters
    ----------
    bars
        Closed execution bars after the last booked one.
    funding
        Funding slots since the last booked bar's close, up to the newest one's.
    strategy_bars
        New bars of the strategy's timeframe; None if there are none.
    now_ms
        The exchange's time, milliseconds UTC.
    data_age_seconds
        Since the stream last spoke of the symbol.
    higher
        New bars of the higher timeframes that the strategy declares.
    points
        New values of its other inputs.
    fills
        Mark prices and order books, where a book asks for them.
    """

    bars: BarRows
    funding: tuple[FundingRate, ...]
    strategy_bars: BarRows | None
    now_ms: int
    data_age_seconds: float
    higher: Mapping[str, BarRows] = field(default_factory=dict)
    points: Heard = field(default_factory=dict)
    fills: FillData = FillData()  # noqa: RUF009 - a tuple


def execution_bars(tick: Tick, step_ms: int, from_ms: int = 0) -> list[ExecutionBar]:
    """Bars for the broker that open at a time or later, milliseconds UTC, with what decides their fills.

    Each has the funding slots up to its close; those of bars before that time are left out with them.
    """
    rows, bars, depth = tick.bars, [], tick.fills.depth or no_depth()
    marks = {mark.ts: MarkBar(mark.price) for mark in tick.fills.marks}
    samples = zip(rows.ts.tolist(), depth.rows_at(rows.ts).tolist(), strict=True)
    ladders = {ts: depth.ladders[at] for ts, at in samples if at >= 0}
    slots = [_slot(rate, tick.fills.slots) for rate in tick.funding]
    columns = (rows.ts, rows.open, rows.high, rows.low, rows.close, rows.volume)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        due = tuple(slot for slot in slots if slot.ts < row[0] + step_ms)
        slots = slots[len(due) :]
        mark, ladder = marks.get(row[0]), ladders.get(row[0])
        bars.append(ExecutionBar(*row)._replace(funding=due, mark=mark, ladder=ladder))
    return [bar for bar in bars if bar.ts >= from_ms]


def _slot(paid: FundingRate, prices: SlotPrices) -> FundingSlot:
    mark = prices.marks.get(paid.ts) if paid.mark_price is None else paid.mark_price
    return FundingSlot(paid.ts, paid.rate, mark, prices.closes.get(paid.ts))
