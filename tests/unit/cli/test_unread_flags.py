"""What is accepted counts: no flag of a verb is taken and then not read."""

import argparse
import ast
import importlib
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.cli.__main__ import build_parser
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.operations.verb import Verb
from quant_pipelines.operations.verbs import SIGNATURE, VERBS

Quant = Callable[..., tuple[int, Any, str]]
BTC = "BTC/USDT:USDT"
FIRST_MS = 1_700_006_400_000 // DAY_MS * DAY_MS
VALUES = {"number": "1", "path": "f.x", "exchange": "okx", "text": "text", "scope": "deployment:3"}
WITH_ACTIONS = [verb for verb in VERBS if any(field.of for field in verb.fields) or verb.unsigned]


@pytest.fixture
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four folds of a week after fifteen days."""
    windows = {"TRAIN_DAYS": "15", "TEST_DAYS": "7", "FOLDS": "4", "MIN_FOLDS": "1", "PURGE_HOURS": "0"}
    for name, value in windows.items():
        monkeypatch.setenv(f"QUANT_OPTIMIZATION__HOUR_WINDOWS__{name}", value)


class Heard(argparse.Namespace):
    """Arguments that know which of them were read."""

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_"):
            object.__getattribute__(self, "__dict__").setdefault("_read", set()).add(name)
        return super().__getattribute__(name)


def unread(line: list[str]) -> set[str]:
    """What was given in a line and not read when it was carried out."""
    parser = build_parser()
    plain = vars(parser.parse_args([word for word in line if word]))
    given = {name for name, value in plain.items() if value not in (None, "", [], False)}
    heard = Heard(**plain)
    vars(heard).pop("_read", None)
    heard.run(heard)
    return given - vars(heard)["_read"] - {"verb", "action", "run"}


def day(number: int) -> str:
    return f"{from_ms(FIRST_MS + number * DAY_MS):%Y-%m-%d}"


LINES = {
    "backtest": f"backtest ema_cross {BTC} --timeframe 1h --start {day(20)} --end {day(40)} "
    "--archive archive --home home --report r.html "
    "--set fast=5 --direction long --sizing all_in --stops off --fee-bps 1 "
    "--slippage-bps 1 --funding off --capital 5000 --compare ema_cross --trades t.csv --json",
    "optimize": f"optimize ema_cross {BTC} --timeframe 1h --start {day(0)} --end {day(60)} --archive archive "
    "--home home --report r.html --searcher sobol --trials 2 --folds 1 --seed 3 "
    "--train-days 9 --test-days 2 --min-trades 1 --max-turnover 900 --objective sortino --json",
    "check archive": f"data check {BTC} --archive archive --from {day(1)} --to {day(3)} "
    "--exchange binanceusdm --json",
    "check file": "data check BTCUSDT-1h.parquet --against other/BTCUSDT-1h.parquet --tolerance-bps 2 "
    f"--from {day(1)} --to {day(3)} --json",
    "import": f"data import one.parquet --symbol {BTC} --timeframe 1h --exchange binanceusdm --kind bars "
    "--layout columns --volume-unit base --contract-size 1 --stamped open --zone +00:00 --date-order day "
    "--dry-run --json",
    "factor": f"data factor {BTC} {day(1)}=10 --archive archive --operator ann --reason split --json",
    "strategy check": "strategy check ema_cross --json",
    "strategy new": "strategy new idea.py --event --json",
    "settings": "settings show --describe --json",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_every_flag_that_a_verb_accepts_is_read(line: str, small_archive: Path, short_windows: None) -> None:
    Path("other").mkdir()
    for copy in ("one.parquet", "BTCUSDT-1h.parquet", "other/BTCUSDT-1h.parquet"):
        shutil.copy(small_archive / "klines" / "binance_um" / "BTCUSDT-1h.parquet", copy)
    assert unread(line.split()) == set()


@pytest.mark.parametrize("verb", WITH_ACTIONS, ids=lambda verb: verb.name)
def test_what_an_action_does_not_read_is_refused_by_name(verb: Verb, quant: Quant) -> None:
    action = next(field for field in verb.fields if field.name == "action")
    words = action.choices.words if action.choices else ()
    asked = [field for field in verb.fields if field.of] + [*(SIGNATURE if verb.unsigned else ())]
    for word, field in itertools.product(words, asked):
        if word in (field.of or set(words) - set(verb.unsigned)):
            continue
        value = [] if field.kind == "switch" else [VALUES[field.kind]]
        flag = [f"--{field.name}"] if field in SIGNATURE else [field.flag] if field.flag else []
        code, _, err = quant(verb.name, word, *flag, *value)
        name = flag[0] if flag else field.metavar
        assert (code, err) == (
            1,
            f"quant: {name} is given, but {verb.name} {word} does not read it; expected none\n",
        )


@pytest.mark.parametrize("verb", [head for head in VERBS if not head.kinds], ids=lambda verb: verb.name)
def test_module_of_a_row_reads_each_of_its_fields(verb: Verb) -> None:
    if verb.function or verb.has_own_arguments:
        return  # the function's parameters are proven beside the table
    module = importlib.import_module(f"quant_pipelines.cli.{verb.module or verb.name}")
    tree = ast.parse(Path(str(module.__file__)).read_text())
    read = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert {field.name for field in verb.fields} - {"action"} <= read


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        (f"data check {BTC} --from 2024-01-01", "--from is given, but what is stored is checked whole"),
        (f"data check {BTC} --to 2024-01-01", "--to is given, but what is stored is checked whole"),
        (f"data check {BTC} --tolerance-bps 0", "--tolerance-bps is given, but there is no file to compare"),
        ("data check one.parquet --archive archive", "--archive is given, but one file is checked"),
        ("data check one.parquet --exchange okx", "--exchange is given, but one file is checked"),
        ("data check --archive archive --home home", "--home is given, but an archive is checked"),
        (
            "data import archive --layout lean",
            "--layout is given, but archive folder 'archive' says it itself",
        ),
        ("data import archive --kind funding --dry-run", "--kind is given, but archive folder"),
        (
            f"data factor {BTC} 2024-01-01=2 --archive archive --home h --reason r",
            "--home is given, but it is",
        ),
        (
            f"data accept {BTC} funding_rate --archive archive --home h --reason r",
            "--home is given, but it is",
        ),
        ("optimize --resume 3 --timeframe 4h", "expected no --timeframe"),
    ],
)
def test_flag_of_another_kind_is_refused_by_name(
    line: str, refused: str, quant: Quant, small_archive: Path
) -> None:
    code, _, err = quant(*line.split())
    assert code == 1
    assert refused in err


def test_start_of_a_walk_forward_keeps_its_folds_behind_it(
    quant: Quant, small_archive: Path, short_windows: None
) -> None:
    asked = ("optimize", "ema_cross", BTC, "--archive", small_archive, "--trials", "2", "--json")
    whole = quant(*asked)[1]
    late = quant(*asked, "--start", day(30))[1]
    code, _, err = quant(*asked, "--start", day(50))
    assert whole["out_of_sample"]["folds"] == 4
    assert late["out_of_sample"]["folds"] == 2
    assert late["window_start"] >= day(30) > whole["window_start"]
    assert late["window_end"] == whole["window_end"]
    assert code == 1
    assert f"folds is 0 of 4, because bars are 240 from {day(50)} 00:00" in err


def test_days_of_the_windows_are_those_that_are_given(quant: Quant, small_archive: Path) -> None:
    asked = ("optimize", "ema_cross", BTC, "--archive", small_archive, "--trials", "2", "--json")
    _, document, _ = quant(*asked, "--train-days", "12", "--test-days", "3", "--folds", "2")
    assert 4 <= document["out_of_sample"]["days"] <= 6  # the newest fold may be open
    _, idle, _ = quant(
        *asked, "--train-days", "12", "--test-days", "3", "--folds", "2", "--min-trades", "999"
    )
    assert idle["parameters"] == {}
    code, _, err = quant(*asked, "--train-days", "0")
    assert code == 1
    assert "train_days is 0; expected" in err
