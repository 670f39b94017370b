from dataclasses import replace

from quant_pipelines.optimize.gates import CAPITAL, PAPER, Gate
from quant_pipelines.optimize.report import render_verdict
from quant_pipelines.optimize.verdict import VerdictRecord

DAY_MS = 86_400_000

RECORD = VerdictRecord(
    strategy="ema_cross",
    content_hash="0123456789abcdef",
    exchange="binanceusdm",
    symbol="BTC/USDT:USDT",
    timeframe="1h",
    window_start_ms=0,
    window_end_ms=90 * DAY_MS,
    parameters={"fast": 12},
    in_sample={"sharpe": 2.0},
    out_of_sample={"sharpe": None},
    gates=(
        Gate("trades", 40.0, 30.0, True, PAPER, "closed trades out of sample"),
        Gate("psr", None, 0.95, False, CAPITAL, "a <b> of one"),
    ),
    daily_returns=(0.5, -0.5),
)


def test_report_shows_every_gate_with_value_threshold_and_result() -> None:
    page = render_verdict(RECORD)
    assert "<td>trades</td><td>paper</td><td>40</td><td>30</td><td>passed</td>" in page
    assert "<td>psr</td><td>capital</td><td>not known</td><td>0.95</td><td>not passed</td>" in page


def test_report_draws_the_stitched_equity_from_one() -> None:
    page = render_verdict(RECORD)
    assert page.count("<polyline") == 1
    assert ">1.5</text>" in page
    assert ">0.75</text>" in page


def test_report_escapes_text() -> None:
    assert "a &lt;b&gt; of one" in render_verdict(RECORD)


def test_report_without_out_of_sample_days_is_a_page() -> None:
    assert render_verdict(replace(RECORD, daily_returns=(), gates=())).startswith("<!doctype html>")
