"""Returns by calendar month as a heat map: years down, months across, the year's total at the end."""

from collections.abc import Sequence

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.metrics import total_return
from quant_pipelines.reports.numbers import percent
from quant_pipelines.reports.page import escape, paragraph, section, shade

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def monthly_returns(days: Sequence[str], returns: FloatArray) -> dict[str, float]:
    """Compound return by month ``YYYY-MM``, oldest first; the first and the last month may be cut short."""
    keys = np.array([day[:7] for day in days])
    return {str(key): total_return(returns[keys == key]) for key in dict.fromkeys(keys.tolist())}


def month_section(days: Sequence[str], returns: FloatArray) -> str:
    """Heat map of the monthly returns."""
    note = "Compounded daily returns by UTC month; the first and the last month may be cut short."
    return section("Months", heat_map(days, returns), paragraph(note, "soft"))


def heat_map(days: Sequence[str], returns: FloatArray) -> str:
    """HTML table of the months."""
    by_month = monthly_returns(days, returns)
    keys = np.array([day[:4] for day in days])
    scale = max((abs(value) for value in by_month.values()), default=0.0) or 1.0
    head = "".join(f"<th>{name}</th>" for name in (*_MONTHS, "Year"))
    rows = []
    for year in dict.fromkeys(keys.tolist()):
        cells = [_cell(by_month.get(f"{year}-{month:02}"), scale) for month in range(1, 13)]
        total = f"<td><b>{percent(total_return(returns[keys == year]), 1)}</b></td>"
        rows.append(f'<tr><th class="t">{escape(year)}</th>{"".join(cells)}{total}</tr>')
    return (
        f'<div class="wide"><table><thead><tr><th class="t">Year</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(value: float | None, scale: float) -> str:
    if value is None:
        return "<td></td>"
    return f'<td class="{shade(value, scale)}">{percent(value, 1)}</td>'
