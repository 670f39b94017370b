"""Self-contained HTML page of one verdict: stitched out-of-sample equity, gates, evidence."""

from typing import Any

import numpy as np

from quant_pipelines.backtest.page import line, page, table
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.optimize.gates import Gate
from quant_pipelines.optimize.verdict import VerdictRecord


def render_verdict(record: VerdictRecord) -> str:
    """Render a verdict as one HTML page."""
    start, end = (f"{from_ms(ms):%Y-%m-%d}" for ms in (record.window_start_ms, record.window_end_ms))
    title = f"Walk-forward of {record.strategy} on {record.symbol} {record.timeframe}, {start} to {end}"
    growth: FloatArray = np.array([1.0, *(1.0 + value for value in record.daily_returns)], dtype=np.float64)
    paper, capital = _passed(record.paper_passed), _passed(record.capital_passed)
    sections = [
        f"<p>Paper screen {paper}, capital gates {capital}.</p>",
        "<h2>Stitched out-of-sample equity at day ends, starting at 1</h2>",
        line(np.cumprod(growth, dtype=np.float64), "#1967d2"),
        "<h2>Gates</h2>",
        table(
            ("gate", "guards", "value", "threshold", "result", "what it says"), map(_gate_row, record.gates)
        ),
        "<h2>Parameters of the final fit</h2>",
        _pairs(record.parameters),
        "<h2>Out of sample</h2>",
        _pairs(record.out_of_sample),
        "<h2>In sample</h2>",
        _pairs(record.in_sample),
    ]
    return page(title, sections)


def _gate_row(gate: Gate) -> tuple[str, ...]:
    value = "not known" if gate.value is None else f"{gate.value:,.4g}"
    return gate.name, gate.gate, value, f"{gate.threshold:,.4g}", _passed(gate.passed), gate.detail


def _pairs(values: dict[str, Any]) -> str:
    return table(("name", "value"), ((name, _text(value)) for name, value in values.items()))


def _text(value: object) -> str:
    return f"{value:,.5g}" if isinstance(value, float) else "not known" if value is None else str(value)


def _passed(value: bool) -> str:
    return "passed" if value else "not passed"
