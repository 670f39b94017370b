"""Sections about round trips: how they spread, why they ended, what they paid, and each of them."""

from collections.abc import Iterable

import numpy as np

from quant_pipelines.backtest import Trade
from quant_pipelines.backtest.account.result import AccountResult, BookTrade
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, to_ms
from quant_pipelines.reports.attribution import attribute
from quant_pipelines.reports.axes import number_axis
from quant_pipelines.reports.candles import MOST, panel
from quant_pipelines.reports.charts import Chart, Layer, bars, dots, level
from quant_pipelines.reports.excursions import adverse_excursions
from quant_pipelines.reports.frame import draw
from quant_pipelines.reports.numbers import duration, minute, money, percent, plain, words
from quant_pipelines.reports.page import Cell, paragraph, section, side_by_side, signed, table
from quant_pipelines.reports.run import BacktestRun

MOST_LISTED = 500
_MOST_DOTS = 1500
_CONTEXT = 30


def trip_section(run: BacktestRun) -> str:
    """How the round trips spread, and why they ended."""
    if not run.result.trades:
        return section("Round trips", paragraph("None was finished."))
    gained = run.column("pnl") / (run.column("quantity") * run.column("entry_price"))
    lasted = run.column("exit_ts") - run.column("entry_ts")
    unit, name = _time_unit(float(lasted.max()))
    long = lasted / unit
    length = f"first to last fill, {name}"
    return section(
        "Round trips",
        side_by_side(
            _scatter("Profit and length", long, gained, length),
            _scatter(
                "Profit and worst moment",
                adverse_excursions(run),
                gained,
                "largest move against it, of the entry price",
            ),
            _histogram("Distribution of profits", gained, "pnl of the notional at entry"),
            _histogram("Distribution of lengths", long, length),
        ),
        paragraph(
            "A dot or bar is a profit where it is blue, a loss where it is orange; costs are included.",
            "soft",
        ),
        _reason_table(run),
    )


def attribution_section(run: BacktestRun) -> str:
    """Take the result apart: price, slippage, fees, funding."""
    parts = attribute(run)
    rows = [
        ("price moves, before slippage", parts.price),
        ("slippage", -parts.slippage),
        ("fees", -parts.fees),
        ("funding", -parts.funding),
        ("change of equity", parts.net),
    ]
    size = abs(run.result.capital)
    shown = [(name, Cell(money(value), value, signed(value)), percent(value / size)) for name, value in rows]
    how = "follows from the cost terms" if parts.is_exact else "is an estimate from the cost terms"
    return section(
        "Where the result comes from",
        _waterfall([value for _, value in rows]),
        table(("part", "quote", "of the capital"), shown),
        paragraph(
            f"Fees and funding are as booked; the slippage {how}, and the price moves with it.", "soft"
        ),
    )


def candle_section(run: BacktestRun) -> str:
    """Candles of the newest bars, and around the best and the worst round trip."""
    shown, trades = run.shown_bars, run.result.trades
    if not len(shown):
        return ""
    newest = shown.rows(max(0, len(shown) - MOST), len(shown))
    panels = [panel(f"The last {len(newest)} bars", newest, trades)]
    if trades:
        best, worst = max(trades, key=_gain), min(trades, key=_gain)
        for title, trade in (("The best round trip", best), ("The worst round trip", worst)):
            panels.append(panel(f"{title}, {money(trade.pnl)}", _around(shown, trade), trades))
    note = "▲ enters long, ▼ enters short, ✕ leaves. Bars that rise are hollow. Times are those of the bar."
    return section("Entries and exits", paragraph(note, "soft"), *panels)


def trade_section(run: BacktestRun) -> str:
    """Every round trip, or the newest ones."""
    trades = run.result.trades
    whose = ("book", "symbol") if isinstance(run.result, AccountResult) else ()
    header = (
        "entry",
        "exit",
        *whose,
        "side",
        "quantity",
        "entry price",
        "exit price",
        "costs",
        "pnl",
        "pnl %",
        "lasted",
        "reason",
    )
    note = (
        f"The newest {MOST_LISTED:,} of {len(trades):,}; --trades F.csv writes all."
        if len(trades) > MOST_LISTED
        else ""
    )
    texts = (*range(3 + len(whose)), len(header) - 1)
    listed = table(header, map(_trade_row, trades[-MOST_LISTED:]), texts=texts, kind="sortable full")
    return section(f"All {len(trades):,} round trips", paragraph(note, "soft") if note else "", listed)


def _gain(trade: Trade) -> float:
    return trade.pnl


def _around(shown: Bars, trade: Trade) -> Bars:
    first, last = np.searchsorted(shown.ts, [to_ms(trade.entry_time), to_ms(trade.exit_time)])
    return shown.rows(max(0, int(first) - _CONTEXT), min(len(shown), int(last) + _CONTEXT))


def _trade_row(trade: Trade) -> tuple[str | Cell, ...]:
    start, end = to_ms(trade.entry_time), to_ms(trade.exit_time)
    share = trade.pnl / (trade.quantity * trade.entry_price)
    costs = trade.fees + trade.funding
    return (
        Cell(minute(start), start),
        Cell(minute(end), end),
        *((trade.book, trade.symbol) if isinstance(trade, BookTrade) else ()),
        trade.side,
        Cell(plain(trade.quantity), trade.quantity),
        Cell(plain(trade.entry_price), trade.entry_price),
        Cell(plain(trade.exit_price), trade.exit_price),
        Cell(money(costs), costs),
        Cell(money(trade.pnl), trade.pnl, signed(trade.pnl)),
        Cell(percent(share), share, signed(share)),
        Cell(duration(end - start), end - start),
        words(trade.exit_reason),
    )


def _reason_table(run: BacktestRun) -> str:
    by_reason: dict[str, list[float]] = {}
    for trade in run.result.trades:
        by_reason.setdefault(trade.exit_reason, []).append(trade.pnl)
    rows = []
    for reason, pnl in sorted(by_reason.items(), key=lambda item: -len(item[1])):
        total = sum(pnl)
        won = sum(value > 0 for value in pnl) / len(pnl)
        rows.append(
            (
                words(reason),
                f"{len(pnl):,}",
                percent(len(pnl) / len(run.result.trades), 1),
                Cell(money(total), total, signed(total)),
                Cell(money(total / len(pnl)), total / len(pnl), signed(total)),
                percent(won, 1),
            )
        )
    return table(("reason of the exit", "count", "share", "pnl", "mean pnl", "won"), rows)


def _scatter(title: str, across: FloatArray, gained: FloatArray, name: str) -> str:
    across, gained = across[-_MOST_DOTS:], gained[-_MOST_DOTS:]
    is_share = across.min() < 0.0 or name.endswith("price")
    x = number_axis(across, _percents if is_share else plain, has_zero=True)
    y = number_axis(gained, _percents, has_zero=True)
    won = gained > 0.0
    layers = [
        level(y, 0.0),
        dots(x, y, across[won], gained[won], name="profit", kind="c1"),
        dots(x, y, across[~won], gained[~won], name="loss", kind="c2"),
    ]
    cut = f", the newest {_MOST_DOTS:,}" if gained.size == _MOST_DOTS else ""
    return draw(Chart(title, f"pnl of the notional at entry{cut}", x, y, layers, x_name=name, height=220))


def _histogram(title: str, values: FloatArray, name: str) -> str:
    is_share = name.startswith("pnl")
    wanted = number_axis(values, _percents if is_share else plain, count=24, has_zero=True)
    edges = np.array([value for value, _ in wanted.ticks])
    counts, _ = np.histogram(values, edges)
    kinds: Iterable[str] = ["c2" if is_share and right <= 0 else "c1" for right in edges[1:]]
    x = number_axis(values, _percents if is_share else plain, has_zero=True)._replace(
        low=wanted.low, high=wanted.high
    )
    x = x._replace(ticks=tuple(tick for tick in x.ticks if wanted.low <= tick[0] <= wanted.high))
    y = number_axis(counts.astype(np.float64), has_zero=True, count=4)
    y = y._replace(ticks=tuple(tick for tick in y.ticks if tick[0] == int(tick[0])))
    return draw(
        Chart(title, "round trips", x, y, [bars(x, y, edges, counts, kinds)], x_name=name, height=180)
    )


def _waterfall(values: list[float]) -> str:
    """Bars from one sum to the next; the last one stands on 0."""
    sums = np.concatenate([[0.0], np.cumsum(values[:-1])])
    y = number_axis(np.concatenate([sums, values[-1:]]), has_zero=True, count=4)
    names = ("price", "slippage", "fees", "funding", "net")
    x = number_axis(np.array([0.0, 5.0]))._replace(
        low=0.0, high=5.0, ticks=tuple((at + 0.5, name) for at, name in enumerate(names))
    )
    shapes = []
    for at, value in enumerate(values):
        start = 0.0 if at == len(values) - 1 else float(sums[at])
        ends = 1000.0 - y.place(np.array([start, start + value]))
        shapes.append(
            f'<rect class="bar {"c1" if value >= 0 else "c2"}" x="{at * 200 + 30}" '
            f'y="{ends.min():.1f}" width="140" height="{max(2.0, float(np.ptp(ends))):.1f}"/>'
        )
    layers = [Layer("".join(shapes)), level(y, 0.0)]
    return draw(Chart("From price moves to the net result", "quote", x, y, layers, height=200))


def _percents(value: float) -> str:
    return f"{plain(100.0 * value, 3)} %"


def _time_unit(longest_ms: float) -> tuple[int, str]:
    if longest_ms >= 4 * DAY_MS:
        return DAY_MS, "days"
    return (HOUR_MS, "hours") if longest_ms >= 4 * HOUR_MS else (MINUTE_MS, "minutes")
