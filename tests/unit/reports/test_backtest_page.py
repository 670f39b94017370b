"""What the page of a backtest says, read as a browser reads it."""

import re
from dataclasses import replace

import pytest

from quant_pipelines.metrics import MEASURES
from quant_pipelines.reports.backtest import render_backtest
from quant_pipelines.reports.numbers import NOTHING
from quant_pipelines.reports.run import BacktestRun
from tests.unit.reports.conftest import ReadPage, bars_of, run_of


@pytest.fixture(scope="module")
def source(run: BacktestRun) -> str:
    return render_backtest(run)


@pytest.fixture(scope="module")
def page(source: str) -> ReadPage:
    return ReadPage(source)


def test_page_refers_to_nothing_outside_of_itself(source: str, page: ReadPage) -> None:
    loading = [
        (tag, name, value)
        for tag, name, value in page.attributes
        if name in ("src", "href", "srcset", "action")
    ]
    assert loading == []
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    assert "://" not in source
    assert "@import" not in source
    assert "url(" not in source


def test_page_forbids_the_browser_to_load_anything(page: ReadPage) -> None:
    (policy,) = [
        value for tag, name, value in page.attributes if tag == "meta" and value.startswith("default-src")
    ]
    assert policy.split(";")[0] == "default-src 'none'"


def test_year_of_hours_stays_below_a_megabyte_and_a_half() -> None:
    assert len(render_backtest(run_of(turn=5, n=24 * 365)).encode()) < 1_500_000


def test_every_section_is_there(page: ReadPage, run: BacktestRun) -> None:
    assert page.headings == [
        "Equity",
        "Drawdown",
        "Months",
        "Rolling Sharpe ratio",
        "Round trips",
        "Where the result comes from",
        "Measures",
        "Entries and exits",
        f"All {len(run.result.trades)} round trips",
    ]


def test_head_says_what_was_asked(page: ReadPage, run: BacktestRun) -> None:
    assert page.facts["Version"] == run.version
    assert page.facts["Parameters"] == "turn = 30"
    assert page.facts["Window"] == "2023-12-20 00:00 to 2024-03-29 00:00 UTC, 100 days"
    assert page.facts["Executed on"] == "2,400 bars of 1h"
    assert page.facts["Costs"].startswith("fee 5 bps, slippage 1 bps")
    assert page.facts["Not modelled"] == ", ".join(run.result.not_modelled)


def test_measures_are_those_of_the_result_beside_holding(page: ReadPage, run: BacktestRun) -> None:
    rows = page.table("measure")
    assert set(rows) >= {about.title for about in MEASURES.values()} - {""}
    assert rows["Sharpe ratio"] == [
        f"{run.result.metrics['sharpe']:,.2f}",
        f"{run.holding_measures['sharpe']:,.2f}",
    ]
    assert rows["Total return"][0] == f"{100 * (run.result.final_equity / run.result.capital - 1):,.2f} %"
    held = run.execution.close[-1] / run.execution.open[0] - 1
    assert rows["Total return"][1] == f"{100 * held:,.2f} %"


def test_exit_reasons_are_counted_whatever_they_are(run: BacktestRun) -> None:
    trades = tuple(
        replace(trade, exit_reason="moon_phase" if at == 0 else trade.exit_reason)
        for at, trade in enumerate(run.result.trades)
    )
    result = replace(run.result)
    result.__dict__["trades"] = trades
    rows = ReadPage(render_backtest(replace(run, result=result))).table("reason of the exit")
    assert rows["moon phase"][0] == "1"
    assert sum(int(row[0]) for row in rows.values()) == len(trades)


def test_trade_table_has_the_numbers_of_the_trades(page: ReadPage, run: BacktestRun) -> None:
    rows = page.table("entry")
    last = run.result.trades[-1]
    shown = rows[f"{last.entry_time:%Y-%m-%d %H:%M}"]
    assert shown[1] == last.side
    assert shown[6] == f"{last.pnl:,.2f}"
    assert len(rows) == len(run.result.trades)


def test_years_add_up_their_months(page: ReadPage, run: BacktestRun) -> None:
    rows = page.table("Year")
    assert list(rows) == ["2023", "2024"]
    before = run.result.days.index("2023-12-31")
    assert rows["2023"][12] == f"{100 * (run.result.daily_equity[before] / run.result.capital - 1):.1f} %"
    assert rows["2023"][:11] == [""] * 11


def test_deepest_drawdown_of_the_table_is_the_measure(page: ReadPage, run: BacktestRun) -> None:
    depths = [float(depth.removesuffix(" %")) for depth in page.table("depth")]
    assert depths[0] == round(100 * (run.result.metrics["max_drawdown"] or 0), 2)
    assert depths == sorted(depths)


def test_names_from_outside_are_text(run: BacktestRun) -> None:
    evil = "<script>alert(1)</script>"
    source = render_backtest(
        replace(run, strategy=evil, version=evil, parameters={evil: evil}, bars=(bars_of(symbol=evil),))
    )
    assert evil not in source
    assert ReadPage(source).facts["Strategy"] == evil


def test_every_chart_has_a_name_for_who_can_not_see_it(page: ReadPage) -> None:
    labels = [value for tag, name, value in page.attributes if tag == "svg" and name == "aria-label"]
    hidden = [value for tag, name, value in page.attributes if tag == "svg" and name == "aria-hidden"]
    assert len(labels) + len(hidden) == page.tags.count("svg")
    assert len(labels) == page.tags.count("figure") >= 9
    assert all(labels)


def test_script_is_short_and_the_page_needs_none(source: str) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
    assert len(scripts) == 1
    assert len(scripts[0].splitlines()) <= 400
    assert "<noscript" not in source


def test_backtest_without_a_trade_is_a_page() -> None:
    empty = run_of(turn=500, n=3)
    page = ReadPage(render_backtest(empty))
    assert empty.result.trades == ()
    assert page.table("measure")["Win rate"][0] == NOTHING


def test_undefined_measure_tells_why() -> None:
    empty = run_of(turn=500, n=3)
    hints = [
        value
        for tag, name, value in ReadPage(render_backtest(empty)).attributes
        if (tag, name) == ("abbr", "title")
    ]
    assert "not defined: there is no finished round trip" in hints


def test_daily_equity_stands_in_where_bars_were_not_kept(run: BacktestRun) -> None:
    daily = replace(run, result=replace(run.result, bar_equity=run.result.bar_equity[:0]))
    assert daily.equity.size == len(run.result.days) + 1 == daily.times.size == daily.holding.size
    assert render_backtest(daily).startswith("<!doctype html>")
