"""Several symbols on the command line: one account, a book for each; and what is refused in one sentence."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.cli.__main__ import main

Quant = Callable[..., tuple[int, Any, str]]
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
LEADER = '''
import numpy as np

from quant_pipelines.sdk import Array, Inputs, Int, Panel, Strategy


class Leader(Strategy):
    """Long the first while it rises and short the second, and the other way round."""

    inputs = Inputs(symbols=2)
    window = Int(24, low=2, high=100)

    def target(self, bars: Panel) -> Array:
        side = np.full(len(bars), np.nan)
        side[self.window :] = np.sign(bars.close[self.window :, 0] - bars.close[: -self.window, 0])
        return np.column_stack([side, -0.5 * side])
'''


@pytest.fixture
def leader(tmp_path: Path) -> Path:
    path = tmp_path / "leader.py"
    path.write_text(LEADER)
    return path


def test_a_strategy_of_two_symbols_trades_them_in_one_account(
    quant: Quant, small_archive: Path, leader: Path
) -> None:
    code, document, _ = quant("backtest", leader, BTC, ETH, "--archive", small_archive, "--json")
    assert code == 0
    assert document["symbols"] == [BTC, ETH]
    assert document["bars"] == 2 * 60 * 24
    assert document["metrics"]["n_trades"] == len(document["trades"]) > 0
    assert {trade["symbol"] for trade in document["trades"]} == {BTC, ETH}
    assert [(book["symbol"], book["share"]) for book in document["books"]] == [(BTC, 0.5), (ETH, 0.5)]
    earned = sum(book["final_equity"] - 5_000.0 for book in document["books"])
    assert document["final_equity"] == pytest.approx(10_000.0 + earned)


def test_a_strategy_of_one_symbol_trades_each_of_several_with_an_equal_share(
    quant: Quant, small_archive: Path, tmp_path: Path
) -> None:
    trades = tmp_path / "trades.csv"
    base = ("backtest", "ema_cross", "--archive", small_archive, "--json")
    _, alone, _ = quant(*base, BTC)
    code, both, _ = quant(*base, BTC, ETH, "--trades", trades)
    assert code == 0
    # The two files hold the same bars, so that the account earns what one book with all of it earns.
    assert both["final_equity"] == pytest.approx(alone["final_equity"], rel=1e-6)
    assert len(both["trades"]) == 2 * len(alone["trades"])
    with trades.open() as file:
        assert {row["symbol"] for row in csv.DictReader(file)} == {BTC, ETH}


def test_text_shows_what_each_book_did(
    small_archive: Path, leader: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", str(leader), BTC, ETH, "--archive", str(small_archive)]) == 0
    shown = capfd.readouterr().out
    assert "BTC/USDT:USDT, ETH/USDT:USDT 1h" in shown
    assert "final_equity" in shown


def test_another_number_of_symbols_is_refused(quant: Quant, small_archive: Path, leader: Path) -> None:
    for verb in ("backtest", "optimize"):
        code, _, err = quant(verb, leader, BTC, "--archive", small_archive)
        assert (code, err) == (
            1,
            f"quant: strategy leader trades 2 symbols together; got 1: ['{BTC}']\n",
        )


def test_a_symbol_that_is_given_twice_is_refused(quant: Quant, small_archive: Path, leader: Path) -> None:
    code, _, err = quant("backtest", leader, BTC, BTC, "--archive", small_archive)
    assert code == 1
    assert "expected one or more, each once" in err


def test_a_report_of_several_symbols_is_one_page_of_the_account(
    quant: Quant, small_archive: Path, leader: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    code, _, _ = quant("backtest", leader, BTC, ETH, "--archive", small_archive, "--report", report)
    assert code == 0
    page = report.read_text(encoding="utf-8")
    assert BTC in page
    assert ETH in page


def test_accounts_of_several_symbols_are_compared_each_as_it_is_by_itself(
    quant: Quant, small_archive: Path, leader: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    others = {"ema_cross": (), f"{leader}:window=10": ("--set", "window=10")}
    compared = [word for name in others for word in ("--compare", name)]
    base = (BTC, ETH, "--archive", small_archive, "--json")
    code, document, _ = quant("backtest", leader, *base, *compared, "--report", report)
    assert code == 0
    for shown, (name, values) in zip(
        [document, *document["compared"]], {str(leader): (), **others}.items(), strict=True
    ):
        _, alone, _ = quant("backtest", name.partition(":")[0], *base, *values)
        timeless = {"seconds", "compared"}
        assert {key: shown[key] for key in shown.keys() - timeless} == {
            key: alone[key] for key in alone.keys() - timeless
        }
    assert "Comparison of 3 backtests" in report.read_text(encoding="utf-8")


def test_text_of_a_comparison_shows_the_books_of_each_strategy(
    small_archive: Path, leader: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    symbols = (BTC, ETH, "--archive", str(small_archive))
    assert main(["backtest", str(leader), *symbols, "--compare", "ema_cross"]) == 0
    rows = [line.split()[:2] for line in capfd.readouterr().out.splitlines()]
    expected = [["leader", BTC], ["leader", ETH], ["ema_cross", BTC], ["ema_cross", ETH]]
    assert rows[-4:] == expected


def test_optimize_walks_an_instrument_set_forward(quant: Quant, small_archive: Path, leader: Path) -> None:
    code, document, _ = quant(
        *("optimize", leader, BTC, ETH, "--archive", small_archive, "--folds", "2", "--trials", "8"),
        *("--searcher", "sobol", "--json"),
    )
    assert code == 0
    assert document["symbols"] == [BTC, ETH]
    assert set(document["parameters"]) == {"window"}
    assert document["out_of_sample"]["trades"] > 0


def test_strategy_test_trades_several_symbols_in_two_drivers(quant: Quant, leader: Path) -> None:
    code, document, _ = quant("strategy", "test", leader, "--json")
    assert code == 0
    (found,) = document["strategies"]
    assert found["checks"][-1] == {"check": "drivers", "passed": True, "detail": ""}
