"""``quant import-trials``: files of other tools, judged without a database."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant_pipelines.cli.__main__ import main
from tests.unit.archive.trial_files import epoch, write_lines, write_returns, write_study
from tests.unit.reports.conftest import ReadPage

SAMPLES = Path(__file__).resolve().parents[1] / "archive" / "samples"
Quant = Callable[..., tuple[int, Any, str]]


def hyperopt(folder: Path) -> Path:
    """40 epochs of 400 days, ten of them again, and one that was cut short."""
    days = np.random.default_rng(7).normal(0.0, 10.0, (40, 400)).round(6)
    rows = [epoch(number, -float(one.mean()), one) for number, one in enumerate(days, 1)]
    file = write_lines(folder / "strategy_Trend.fthypt", rows + rows[:10])
    file.write_text(file.read_text() + '{"loss": -1.0, "par')
    return file


def test_a_hyperopt_run_is_judged_by_all_of_its_epochs(quant: Quant, tmp_path: Path) -> None:
    code, document, _ = quant("import-trials", hyperopt(tmp_path), "--json")
    assert code == 0
    assert (document["rows"], document["trials"], document["repeated"]) == (50, 40, 10)
    assert document["in_sample"]["days"] == 400
    assert 0.0 < document["in_sample"]["dsr"] < 0.95 < document["in_sample"]["psr"]
    assert document["capital"]["decision"] != "passed"
    assert document["notes"][0].startswith("line 51, the last one, is cut short")
    assert document["unknown"].keys() <= {"more_days"}


def test_what_freqtrade_itself_wrote_is_read(quant: Quant) -> None:
    """Three of twelve epochs of freqtrade 2025.9 on made-up bars, without their trades: its own sums hold."""
    file = SAMPLES / "freqtrade" / "strategy_Cross_2025_9.fthypt"
    code, document, _ = quant("import-trials", file, "--trials", 12, "--json")
    assert code == 0
    assert (document["kind"], document["name"], document["rows"]) == ("freqtrade hyperopt", "Cross", 3)
    assert document["trial"]["name"] == "6"
    assert document["trial"]["parameters"] == {"fast": 14, "slow": 52}
    assert document["in_sample"]["days"] == 81  # days on which nothing was closed are not in the file
    assert document["in_sample"]["total_return"] == pytest.approx(-0.0578834844)


def test_a_study_of_values_names_what_it_can_not_tell(quant: Quant, tmp_path: Path) -> None:
    trials = [("COMPLETE", {"fast": float(number)}, number / 10, None) for number in range(30)]
    code, document, _ = quant("import-trials", write_study(tmp_path / "study.db", trials), "--json")
    assert code == 0
    assert (document["trials"], document["trial"]["name"], document["trial"]["value"]) == (30, "29", 2.9)
    assert document["in_sample"] == {}
    assert document["capital"] == {
        "decision": "undecided",
        "more_days": None,
        "fewest_more_days": None,
        "most_more_days": None,
        "tests": [],
    }
    assert {"dsr", "pbo", "more_days", "sharpe"} <= document["unknown"].keys()


def test_the_text_says_decision_count_and_what_is_not_known(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["import-trials", str(hyperopt(tmp_path))]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Trend (freqtrade hyperopt): 40 trials; 50 rows (50 complete), 10 of them repeat")
    assert "deflated" not in said
    assert "note: line 51, the last one, is cut short" in said
    trials = [("COMPLETE", {"fast": 1.0}, 1.0, None)]
    assert main(["import-trials", str(write_study(tmp_path / "study.db", trials))]) == 0
    said = capsys.readouterr().out
    assert "can't be told: sharpe, dsr, pbo, probability_of_loss" in said


def test_the_page_shows_verdict_curve_and_trials(quant: Quant, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert quant("import-trials", hyperopt(tmp_path), "--json", "--report", page)[0] == 0
    shown = ReadPage(page.read_text())
    assert shown.headings[:1] == ["Verdict"]
    assert {"Of the file", "Judged trial", "Months", "Trials"} <= {*shown.headings}
    assert shown.facts["Repeated parameters"] == "10 rows, each set is one trial"
    assert [*shown.table("gate")] == ["dsr", "pbo", "probability of loss"]
    assert len(shown.table("trial")) == 40
    trials = [("COMPLETE", {"fast": 1.0}, 1.0, None)]
    assert quant("import-trials", write_study(tmp_path / "s.db", trials), "--json", "--report", page)[0] == 0
    assert "dsr" in ReadPage(page.read_text()).table("number")


def test_a_parameter_of_a_stranger_is_shown_as_text(quant: Quant, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    file = write_lines(tmp_path / "a.fthypt", [epoch(1, 0.0, fast="<script>alert(1)</script>")])
    assert quant("import-trials", file, "--json", "--report", page)[0] == 0
    assert "<script>alert" not in page.read_text()


def test_another_trial_and_a_larger_count_may_be_judged(quant: Quant, tmp_path: Path) -> None:
    returns = np.random.default_rng(2).normal(0.001, 0.01, (300, 12))
    file = write_returns(tmp_path / "trend.csv", returns)
    _, best, _ = quant("import-trials", file, "--json")
    code, document, _ = quant("import-trials", file, "--json", "--trial", "trial 3", "--trials", "900")
    assert (code, document["trial"]["name"], document["trials"]) == (0, "trial 3", 900)
    assert document["in_sample"]["dsr"] < best["in_sample"]["dsr"]


def test_a_fault_is_one_sentence_and_no_page_is_written(quant: Quant, tmp_path: Path) -> None:
    file = tmp_path / "trend.csv"
    file.write_text("day,a\n2024-01-01,12%\n")
    code, _, err = quant("import-trials", file, "--report", tmp_path / "page.html")
    assert code == 1
    assert err == (
        f"quant: {file}: line 2: a is '12%'; expected a daily return as a fraction from -1 to 10, such as "
        "0.012 for 1.2 %\n"
    )
    assert not (tmp_path / "page.html").exists()


def test_a_study_of_a_csv_is_refused(quant: Quant, tmp_path: Path) -> None:
    file = write_returns(tmp_path / "trend.csv", np.full((3, 2), 0.01))
    code, _, err = quant("import-trials", file, "--study", "x")
    assert (code, err) == (
        1,
        "quant: study is 'x', but a CSV of daily returns a trial holds one search; expected none\n",
    )
