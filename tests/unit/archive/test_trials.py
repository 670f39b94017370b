"""Trials of other tools: all are counted, what the file does not say is said, faults name their place."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant_pipelines.archive.trials import read_trials
from quant_pipelines.core.errors import ConfigurationError, DataError
from quant_pipelines.core.timeframes import DAY_MS
from tests.unit.archive.trial_files import (
    INTEGERS,
    START_MS,
    epoch,
    write_lines,
    write_returns,
    write_study,
)

PROFITS = np.array([10.0, 0.0, -20.2, 0.0])
RETURNS = [0.01, 0.0, -0.02, 0.0]


def operations() -> list[dict[str, Any]]:
    """Journal with a deleted study and three trials of another one."""

    def study(name: str) -> dict[str, Any]:
        return {"op_code": 0, "worker_id": "w", "study_name": name, "directions": [1]}

    def trial(study_id: int) -> dict[str, Any]:
        return {"op_code": 4, "worker_id": "w", "study_id": study_id, "datetime_start": "2026-01-01"}

    def parameter(trial_id: int, value: float) -> dict[str, Any]:
        return {
            "op_code": 5,
            "worker_id": "w",
            "trial_id": trial_id,
            "param_name": "fast",
            "param_value_internal": value,
            "distribution": INTEGERS,
        }

    def state(trial_id: int, code: int, values: list[float] | None) -> dict[str, Any]:
        return {"op_code": 6, "worker_id": "w", "trial_id": trial_id, "state": code, "values": values}

    return [
        study("old"),
        trial(0),
        {"op_code": 1, "worker_id": "w", "study_id": 0},
        study("trend"),
        {"op_code": 2, "worker_id": "w", "study_id": 1, "user_attr": {"by": "me"}},
        *(trial(1) for _ in range(3)),
        parameter(1, 5.0),
        parameter(2, 9.0),
        state(1, 1, [0.5]),
        state(1, 1, [0.1]),  # it was finished: Optuna ignores this, too
        state(2, 3, None),
        {"op_code": 7, "worker_id": "w", "trial_id": 3, "step": 0, "intermediate_value": 1.0},
    ]


def test_an_epoch_has_its_realized_profits_over_the_balance_before_the_day(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.fthypt", [epoch(1, -2.0, PROFITS, fast=5), epoch(2, -1.0, 0 * PROFITS)])
    search = read_trials(file)
    assert (search.kind, search.name, search.goal) == ("freqtrade hyperopt", "Trend", "lowest")
    assert search.days.tolist() == [START_MS + DAY_MS * at for at in range(4)]
    first, second = search.trials
    assert (first.name, first.parameters, first.value) == ("1", {"fast": 5}, -2.0)
    np.testing.assert_allclose(first.returns, RETURNS)
    np.testing.assert_array_equal(second.returns, np.zeros(4))
    assert any("realized profits" in note for note in search.notes)


def test_a_last_line_that_is_cut_short_loses_itself_only(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "a.fthypt", [epoch(number, 0.0, PROFITS) for number in (1, 2)])
    whole = file.read_text()
    file.write_text(whole + json.dumps(epoch(3, 0.0, PROFITS))[:200])
    search = read_trials(file)
    assert len(search.trials) == 2
    assert search.notes[0].startswith("line 3, the last one, is cut short")


def test_epochs_without_days_say_so_and_have_no_returns(tmp_path: Path) -> None:
    rows = [epoch(1, -1.0, PROFITS), epoch(2, -2.0, PROFITS)]
    del rows[1]["results_metrics"]["daily_profit"]
    search = read_trials(write_lines(tmp_path / "a.fthypt", rows))
    assert [trial.returns for trial in search.trials] == [None, None]
    assert (
        search.missing_returns
        == "results_metrics of line 2 has no daily_profit, so daily returns can't be told"
    )


def test_epochs_of_other_days_have_no_returns_in_common(tmp_path: Path) -> None:
    rows = [epoch(1, -1.0, PROFITS), epoch(2, -2.0, np.append(PROFITS, 1.0))]
    search = read_trials(write_lines(tmp_path / "a.fthypt", rows))
    assert search.missing_returns == "line 2 was tried on other days than line 1"


def test_epochs_with_too_few_trades_count(tmp_path: Path) -> None:
    rows = [epoch(1, -1.0, PROFITS), epoch(2, 100_000, PROFITS)]
    search = read_trials(write_lines(tmp_path / "a.fthypt", rows))
    assert search.distinct == 2
    assert search.notes[0].startswith("1 epochs made too few trades")


def test_the_same_parameters_are_one_trial_whatever_their_order(tmp_path: Path) -> None:
    rows = [epoch(1, 0.0, fast=1, slow=2), epoch(2, 0.5, slow=2, fast=1), epoch(3, 1.0, fast=1, slow=3)]
    search = read_trials(write_lines(tmp_path / "a.fthypt", rows))
    assert (len(search.trials), search.distinct, search.repeated, search.unlike_repeats) == (3, 2, 1, 1)


def test_a_study_counts_what_was_pruned_or_failed_and_not_what_waits(tmp_path: Path) -> None:
    trials = [
        ("COMPLETE", {"fast": 5.0, "average": 1.0}, 1.5, None),
        ("PRUNED", {"fast": 6.0, "average": 2.0}, None, None),
        ("FAIL", {"fast": 7.0, "average": 0.0}, None, None),
        ("COMPLETE", {"fast": 5.0, "average": 1.0}, 1.5, None),
        ("WAITING", {}, None, None),
    ]
    search = read_trials(write_study(tmp_path / "study.db", trials))
    assert (search.kind, search.name, search.goal) == ("Optuna study", "trend", "highest")
    assert search.statuses == {"complete": 2, "pruned": 1, "failed": 1, "waiting": 1}
    assert (search.distinct, search.repeated) == (3, 1)
    assert search.trials[0].parameters == {"fast": 5, "average": "sma"}
    assert search.trials[1].parameters == {"fast": 6, "average": None}
    assert search.missing_returns.startswith("an Optuna study has values only")


def test_a_study_may_carry_daily_returns(tmp_path: Path) -> None:
    days = {"2024-01-01": 0.01, "2024-01-02": -0.02}
    trials = [("COMPLETE", {"fast": 5.0}, np.inf, days), ("FAIL", {"fast": 6.0}, None, None)]
    search = read_trials(write_study(tmp_path / "study.db", trials))
    assert search.trials[0].value == np.inf
    np.testing.assert_array_equal(search.trials[0].returns, [0.01, -0.02])
    assert search.trials[1].returns is None


def test_a_study_is_not_written_to(tmp_path: Path) -> None:
    file = write_study(tmp_path / "study.db", [("COMPLETE", {"fast": 5.0}, 1.0, None)])
    before = file.read_bytes()
    read_trials(file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["study.db"]


def test_a_journal_is_replayed_as_optuna_does(tmp_path: Path) -> None:
    search = read_trials(write_lines(tmp_path / "journal.log", operations()))
    assert (search.name, search.goal) == ("trend", "lowest")
    assert [(one.name, one.status, one.value) for one in search.trials] == [
        ("0", "complete", 0.5),
        ("1", "failed", None),
        ("2", "running", None),
    ]
    assert search.trials[1].parameters == {"fast": 9}


def test_a_csv_has_a_trial_in_each_column(tmp_path: Path) -> None:
    returns = np.array([[0.01, -0.01], [0.02, 0.0]])
    search = read_trials(write_returns(tmp_path / "trend.csv", returns, ["a", "b"]))
    assert [trial.name for trial in search.trials] == ["a", "b"]
    np.testing.assert_array_equal(search.trials[1].returns, [-0.01, 0.0])


def test_columns_of_the_same_returns_are_one_trial_and_said(tmp_path: Path) -> None:
    returns = np.array([[0.01, 0.01, 0.01, 0.03], [0.02, 0.02, 0.02, 0.02]])
    search = read_trials(write_returns(tmp_path / "trend.csv", returns, ["a", "a", "b", "c"]))
    assert (len(search.trials), search.distinct, search.repeated) == (4, 2, 2)
    assert search.notes == ("2 columns have the returns of another one: they are one trial with it",)


def test_days_may_be_written_with_their_utc_midnight(tmp_path: Path) -> None:
    file = tmp_path / "trend.csv"
    file.write_text("date;a\n2024-01-01 00:00:00+00:00;0.01\n2024-01-03;0.02\n")
    search = read_trials(file)
    assert search.days.tolist() == [START_MS, START_MS + 2 * DAY_MS]
    assert search.notes[0].startswith("1 days between the first and the last are not in the file")


def test_a_csv_whose_last_line_is_cut_short_keeps_the_others(tmp_path: Path) -> None:
    file = write_returns(tmp_path / "trend.csv", np.full((3, 2), 0.01))
    file.write_text(file.read_text().rstrip("\n").rpartition(",")[0])
    search = read_trials(file)
    assert search.days.size == 2
    assert search.notes[0] == "line 4, the last one, is cut short: it is left out"


BROKEN = {
    "line of no JSON": (
        lambda rows: [*rows[:1], "{]", *rows[1:]],
        "line 2: its text is '{]\\n'; expected one JSON document a line",
    ),
    "no parameters": (
        lambda rows: [rows[0] | {"params_dict": None}, *rows],
        "line 1: params_dict is None; expected parameters by name",
    ),
    "loss as text": (
        lambda rows: [*rows, rows[0] | {"loss": "low"}],
        "line 3: loss is 'low'; expected a number",
    ),
    "loss of yes": (
        lambda rows: [*rows, rows[0] | {"loss": True}],
        "line 3: loss is True; expected a number",
    ),
    "profit of no day": (
        lambda rows: [
            rows[0] | {"results_metrics": rows[0]["results_metrics"] | {"daily_profit": [["x", 1.0]]}}
        ],
        "line 1: daily_profit is 'x'; expected a day such as 2024-01-31",
    ),
    "profits that do not sum up": (
        lambda rows: [rows[0] | {"results_metrics": rows[0]["results_metrics"] | {"profit_total_abs": 99.0}}],
        "line 1: profit_total_abs is 99.0; expected -10.2, the sum of daily_profit",
    ),
    "profit outside the window": (
        lambda rows: [
            rows[0]
            | {
                "results_metrics": rows[0]["results_metrics"]
                | {"daily_profit": [["2023-01-01", -10.2]], "profit_total_abs": -10.2}
            }
        ],
        "line 1: daily_profit is '2023-01-01'; expected days from 2024-01-01 to 2024-01-04",
    ),
    "window that ends before it begins": (
        lambda rows: [rows[0] | {"results_metrics": rows[0]["results_metrics"] | {"backtest_end_ts": 5}}],
        f"line 1: backtest_end_ts is 5; expected milliseconds after backtest_start_ts, {START_MS}",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_epoch_is_refused_by_its_place(name: str, tmp_path: Path) -> None:
    change, expected = BROKEN[name]
    rows = change([epoch(1, -2.0, PROFITS), epoch(2, -1.0, PROFITS)])
    file = tmp_path / "a.fthypt"
    file.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    with pytest.raises(DataError) as caught:
        read_trials(file)
    assert str(caught.value) == f"{file}: {expected}"


CSV_FAULTS = {
    "day,a\n2024-01-01,5%\n": "line 2: a is '5%'; expected a daily return as a fraction from -1 to 10",
    "day,a\n2024-01-01,0.1\n2024-01-02,\n": "line 3: a is ''; expected a daily return",
    "day,a\n2024-01-01,10500\n": "line 2: a is '10500'; expected a daily return",
    "day,a\n2024-01-01,-1.3\n": "line 2: a is '-1.3'; expected a daily return",
    "day,a\n2024-01-01,nan\n": "line 2: a is 'nan'; expected a daily return",
    "day,a\n2024-01-02,0\n2024-01-01,0\n": "line 3: day is '2024-01-01'; expected one after 2024-01-02",
    "day,a\n2024-01-01,0\n2024-01-01,0\n": "line 3: day is '2024-01-01'; expected one after 2024-01-01",
    "day,a\n01.02.2024,0\n": "line 2: day is '01.02.2024'; expected a UTC day such as 2024-01-31",
    "day,a\n2024-01-01T05:00,0\n": "line 2: day is '2024-01-01T05:00'; expected a UTC day",
    "day,a\n2024-01-01T00:00+08:00,0\n": "line 2: day is '2024-01-01T00:00+08:00'; expected a UTC day",
    "day,a,b\n2024-01-01,0\n2024-01-02,0,0\n": "line 2: its number of cells is 2; expected 3 as in",
    "2024-01-01,0.1\n2024-01-02,0.1\n": "line 1: column 1 is '2024-01-01'; expected a header such as day",
    "day,a,\n2024-01-01,0,0\n": "line 1: column 3 is ''; expected the name of a trial",
    "day\n2024-01-01\n": "line 1: its number of cells is 1; expected the day, then a name for each trial",
    "day,a\n": "line 1: its rows is 1; expected a header, and a line for each day",
    "day,a,a\n2024-01-01,0,1\n": "line 1: column is 'a'; expected another name for each trial",
}


@pytest.mark.parametrize("text", CSV_FAULTS)
def test_a_broken_csv_is_refused_by_its_place(text: str, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        read_trials(file)
    assert str(caught.value).startswith(f"{file}: {CSV_FAULTS[text]}")


STUDY_FAULTS: dict[str, tuple[tuple[str, dict[str, float], float | None, Any], str]] = {
    "choice that is none": (("COMPLETE", {"average": 7.0}, 1.0, None), "trial 0: parameter average is 7.0"),
    "state that is none": (("DONE", {"fast": 1.0}, 1.0, None), "trial 0: state is 'DONE'; expected one of"),
    "returns as a list": (
        ("COMPLETE", {"fast": 1.0}, 1.0, [0.1]),
        "trial 0: daily_returns is [0.1]; expected fractions by day",
    ),
    "return in per cent": (
        ("COMPLETE", {"fast": 1.0}, 1.0, {"2024-01-01": 12.0}),
        "trial 0: daily_returns of 2024-01-01 is 12.0; expected a daily return as a fraction",
    ),
}


@pytest.mark.parametrize("name", STUDY_FAULTS)
def test_a_broken_study_is_refused_by_its_trial(name: str, tmp_path: Path) -> None:
    trial, expected = STUDY_FAULTS[name]
    file = write_study(tmp_path / "study.db", [trial])
    with pytest.raises(DataError) as caught:
        read_trials(file)
    assert str(caught.value).startswith(f"{file}: {expected}")


def test_which_of_several_studies_is_meant_has_to_be_said(tmp_path: Path) -> None:
    trial = ("COMPLETE", {"fast": 5.0}, 1.0, None)
    file = write_study(tmp_path / "study.db", [trial], names=("trend", "range"))
    with pytest.raises(DataError, match="their number is 2; expected --study with one of range, trend"):
        read_trials(file)
    with pytest.raises(DataError, match="study is 'tren'; expected one of range, trend"):
        read_trials(file, study="tren")
    assert read_trials(file, study="range").name == "range"


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    file.write_bytes(b"SQLite format 3\x00" + bytes(84))
    with pytest.raises(DataError, match=r"study\.db can't be read: .+; expected Optuna's SQLite storage"):
        read_trials(file)
    file.unlink()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE notes (line TEXT)")
    with pytest.raises(
        DataError, match="table studies: column study_id is 'missing'; expected tables of Optuna"
    ):
        read_trials(file)


def test_returns_of_other_days_are_refused(tmp_path: Path) -> None:
    trials = [
        ("COMPLETE", {"fast": 5.0}, 1.0, {"2024-01-01": 0.0, "2024-01-02": 0.0}),
        ("COMPLETE", {"fast": 6.0}, 1.0, {"2024-01-02": 0.0}),
    ]
    with pytest.raises(
        DataError, match="trial 1: daily_returns is '1 days'; expected the 2 days that others"
    ):
        read_trials(write_study(tmp_path / "study.db", trials))


def test_a_broken_operation_is_refused_by_its_line(tmp_path: Path) -> None:
    rows = operations()
    rows[7]["study_id"] = None
    with pytest.raises(DataError, match="line 8: its operation is"):
        read_trials(write_lines(tmp_path / "journal.log", rows))


def test_what_is_no_file_of_trials_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text(" \n")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(
        DataError, match=r"gone.csv can't be read: No such file or directory; expected a file"
    ):
        read_trials(tmp_path / "gone.csv")
    with pytest.raises(DataError, match=r"empty.csv is empty; expected a file of trials"):
        read_trials(tmp_path / "empty.csv")
    with pytest.raises(DataError, match=r"notes.txt has no layout that is known; expected an Optuna study"):
        read_trials(tmp_path / "notes.txt")
    with pytest.raises(ConfigurationError, match="unknown layout 'optuna'"):
        read_trials(tmp_path / "notes.txt", layout="optuna")
