"""Sections over time: equity, drawdown, months, rolling Sharpe ratio."""

from collections.abc import Sequence

import numpy as np

from quant_pipelines.core.timeframes import DAY_MS, day_start_ms
from quant_pipelines.metrics import Drawdown, deepest_drawdowns, rolling_sharpe, underwater
from quant_pipelines.reports.axes import money_axis, number_axis, time_axis
from quant_pipelines.reports.charts import Chart, area, level, line
from quant_pipelines.reports.frame import draw
from quant_pipelines.reports.numbers import day, duration, minute, money, percent
from quant_pipelines.reports.page import Cell, paragraph, section, table
from quant_pipelines.reports.run import BacktestRun

DEEPEST = 5
_ROLLING_DAYS = {180: 720, 90: 270, 30: 60}  # window: fewest days of the run
_HOLDING = "buy and hold"


def equity_section(runs: Sequence[BacktestRun]) -> str:
    """Equity of one or several runs on the same bars, on one axis with buy and hold."""
    first = runs[0]
    x = time_axis(int(first.times[0]), int(first.times[-1]))
    curves = [run.equity for run in runs]
    y = money_axis(np.concatenate([*curves, first.holding]))
    layers = [line(x, y, first.times, first.holding, name=_HOLDING, kind="hold", sign="dash")]
    for at, run in enumerate(runs):
        name = run.strategy if len(runs) == 1 else f"{at + 1} {run.strategy}"
        layers.append(line(x, y, run.times, run.equity, name=name, kind=kind_of(at), sign=sign_of(at)))
    unit = "quote" + (", logarithmic" if y.is_log else "")
    says = f"From {money(first.result.capital)} to {money(first.result.final_equity)}"
    return section(
        "Equity",
        draw(Chart("Equity", unit, x, y, layers, height=320, hover="quote"), says),
        paragraph(_holding_note(first), "soft"),
    )


def _holding_note(run: BacktestRun) -> str:
    into = "in" if len(run.bars) == 1 else "into every symbol in equal parts"
    return (
        f"Buy and hold puts the same capital {into} at the first open and pays nothing: no fee, no funding."
    )


def drawdown_sections(run: BacktestRun) -> list[str]:
    """Distance from the peak, beside holding's, and the deepest drawdowns."""
    by_days = "By day ends; the deepest drawdown among the measures is by bar closes."
    note = "" if run.result.curve is run.result.bar_equity else by_days
    return [
        section(
            "Drawdown",
            underwater_chart([run], with_holding=True),
            table(
                ("depth", "from the peak of", "deepest on", "back at the peak", "length", "recovery"),
                (_drawdown_row(run, drawdown) for drawdown in deepest_drawdowns(run.equity, DEEPEST)),
                texts=(),
            ),
            paragraph(note, "soft") if note else "",
        )
    ]


def underwater_chart(runs: Sequence[BacktestRun], *, with_holding: bool) -> str:
    """Chart of the distance from the highest equity so far."""
    first = runs[0]
    x = time_axis(int(first.times[0]), int(first.times[-1]))
    depths = [underwater(run.equity) for run in runs]
    held = [underwater(first.holding)] if with_holding else []
    y = number_axis(np.concatenate([*depths, *held]), lambda value: percent(value, 0), has_zero=True)
    layers = [line(x, y, first.times, held[0], name=_HOLDING, kind="hold", sign="dash")] if held else []
    if len(runs) == 1:
        layers.append(area(x, y, first.times, depths[0]))
    for at, (run, depth) in enumerate(zip(runs, depths, strict=True)):
        name = run.strategy if len(runs) == 1 else f"{at + 1} {run.strategy}"
        layers.append(line(x, y, run.times, depth, name=name, kind=kind_of(at), sign=sign_of(at)))
    says = f"Deepest {percent(float(depths[0].min()))}"
    return draw(Chart("Distance from the peak", "of the peak", x, y, layers, height=200, hover="%"), says)


def rolling_section(run: BacktestRun) -> str:
    """Sharpe ratio of a moving window, where the run is long enough."""
    n_days = len(run.result.days)
    window = next((days for days, fewest in _ROLLING_DAYS.items() if n_days >= fewest), None)
    if window is None:
        text = f"{n_days} days are too few: expected at least {min(_ROLLING_DAYS.values())}."
        return section("Rolling Sharpe ratio", paragraph(text, "soft"))
    own, held = (
        rolling_sharpe(returns, window) for returns in (run.result.daily_returns, run.holding_returns)
    )
    times = day_start_ms(run.result.days[0]) + DAY_MS * (1 + np.arange(n_days, dtype=np.int64))
    x = time_axis(int(times[0]), int(times[-1]))
    y = number_axis(np.concatenate([own, held]), has_zero=True)
    layers = [
        level(y, 0.0),
        line(x, y, times, held, name=_HOLDING, kind="hold", sign="dash"),
        line(x, y, times, own, name=run.strategy),
    ]
    unit = f"annualized, of the {window} days before"
    return section(
        "Rolling Sharpe ratio", draw(Chart("Sharpe ratio", unit, x, y, layers, height=220, hover="ratio"))
    )


def kind_of(position: int) -> str:
    """Color of one of several lines."""
    return f"c{position % 8 + 1}"


def sign_of(position: int) -> str:
    """Stroke of one of several lines, so that color is not the only difference."""
    return ("", "dotted", "dash")[position // 2 % 3] if position else ""


def _drawdown_row(run: BacktestRun, drawdown: Drawdown) -> tuple[Cell, ...]:
    start, bottom = int(run.times[drawdown.peak]), int(run.times[drawdown.bottom])
    end = None if drawdown.end is None else int(run.times[drawdown.end])
    last = end if end is not None else int(run.times[-1])
    return (
        Cell(percent(drawdown.depth), drawdown.depth, "loss"),
        Cell(minute(start), start),
        Cell(minute(bottom), bottom),
        Cell("not yet" if end is None else day(end), last),
        Cell(duration(last - start), last - start),
        Cell("not yet" if end is None else duration(end - bottom)),
    )
