"""What the page of a comparison says."""

from quant_pipelines.metrics import correlation
from quant_pipelines.reports.comparison import render_comparison
from quant_pipelines.reports.run import BacktestRun
from tests.unit.reports.conftest import ReadPage, run_of


def test_every_run_has_its_column_and_its_line(run: BacktestRun) -> None:
    other = run_of(turn=50)
    source = render_comparison([run, other])
    page = ReadPage(source)
    sharpe = page.table("measure")["Sharpe ratio"]
    expected = [one.measures["sharpe"] for one in (run, other)] + [run.holding_measures["sharpe"]]
    assert sharpe == [f"{value:,.2f}" for value in expected]
    names = [value for tag, name, value in page.attributes if tag == "path" and name == "data-name"]
    assert names == ["buy and hold", "1 alternate", "2 alternate"] * 2
    assert "://" not in source


def test_correlation_is_that_of_daily_returns(run: BacktestRun) -> None:
    other = run_of(turn=50)
    page = ReadPage(render_comparison([run, other]))
    (table,) = [table for table in page.tables if table[0][:2] == ["", "1 alternate"]]
    found = correlation(run.result.daily_returns, other.result.daily_returns)
    assert table[1][1:3] == ["1.00", f"{found:.2f}"]


def test_parameters_tell_the_runs_apart(run: BacktestRun) -> None:
    page = ReadPage(render_comparison([run, run_of(turn=50)]))
    (table,) = [table for table in page.tables if table[0] == ["", "strategy", "parameters", "version"]]
    assert [row[2] for row in table[1:]] == ["turn=30", "turn=50"]
