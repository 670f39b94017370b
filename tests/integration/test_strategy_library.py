"""Strategy files dropped into a folder: tried, put in force, or refused while the older text stays."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.research.job import JobFailure, NotReached, OptimizationJob
from quant_pipelines.research.library import (
    GONE,
    Shelf,
    refresh_library,
    source_in_force,
    unknown_files,
)
from quant_pipelines.research.pool import optimize_many
from quant_pipelines.research.round import WorkLimits
from quant_pipelines.sandbox.trial import Tried
from quant_pipelines.sdk import compile_strategy
from quant_pipelines.sdk.trial.contract import Check
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.library import read_library, symbols_in_force

pytestmark = pytest.mark.postgres

SOUND = '''
import numpy as np
from quant_pipelines.indicators import ema
from quant_pipelines.sdk import Array, Bars, Int, Strategy


class Idea(Strategy):
    """Follow the slope of an average."""

    window = Int(20, low=5, high=50)

    def target(self, bars: Bars) -> Array:
        return np.sign(bars.close - ema(bars.close, self.window)) * {size}
'''
LOOKS_AHEAD = SOUND.replace(
    "bars.close - ema(bars.close, self.window)", "np.roll(bars.close, -1) - bars.close"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "_notes.py").write_text("this is no strategy")
    return tmp_path


def write(folder: Path, text: str, name: str = "idea") -> None:
    (folder / f"{name}.py").write_text(text.format(size=1.0) if "{size}" in text else text)


def quick(name: str, source: str) -> Tried:
    """Trial that only loads the text, in this process."""
    try:
        found = compile_strategy(name, source).strategy_class
    except StrategyError as error:
        return Tried([Check("loads", str(error))])
    checks = [Check("loads"), Check("causality", "it looks ahead" if "np.roll" in source else "")]
    return Tried(checks, found.inputs.symbols)


def refresh(engine: Engine, folder: Path) -> Shelf:
    (shelf,) = refresh_library(engine, folder, trial=quick)
    return shelf


def test_a_new_file_that_passes_is_in_force(engine: Engine, folder: Path) -> None:
    write(folder, SOUND)
    shelf = refresh(engine, folder)
    assert (shelf.entry.fault, shelf.entry.is_current, shelf.is_swapped) == ("", True, True)
    assert source_in_force(engine, "idea", folder).content_hash == shelf.entry.content_hash


def test_a_text_is_tried_once(engine: Engine, folder: Path) -> None:
    tried: list[str] = []

    def trial(name: str, source: str) -> Tried:
        tried.append(source)
        return Tried([Check("loads")], symbols=1)

    write(folder, SOUND)
    for _ in range(3):
        refresh_library(engine, folder, trial=trial)
    assert len(tried) == 1
    write(folder, SOUND.format(size=0.5))
    refresh_library(engine, folder, trial=trial)
    assert len(tried) == 2


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ("def target(:", "syntax error in line 1"),
        (LOOKS_AHEAD, "causality: it looks ahead"),
        (SOUND.replace("import numpy as np", "import os\nimport numpy as np"), "uses os in line 2"),
    ],
)
def test_a_file_that_fails_leaves_the_older_text_in_force(
    engine: Engine, folder: Path, broken: str, fault: str
) -> None:
    write(folder, SOUND)
    before = refresh(engine, folder).entry
    write(folder, broken)
    shelf = refresh(engine, folder)
    assert fault in shelf.entry.fault
    assert (shelf.entry.content_hash, shelf.is_swapped) == (before.content_hash, False)
    assert source_in_force(engine, "idea", folder).source == SOUND.format(size=1.0)


def test_the_trial_is_the_contract_in_a_process_of_its_own(engine: Engine, folder: Path) -> None:
    write(folder, SOUND)
    write(folder, LOOKS_AHEAD, name="prophet")
    idea, prophet = refresh_library(engine, folder)
    assert idea.entry.is_current
    assert prophet.entry.content_hash is None
    assert prophet.entry.fault.startswith("causality: ")
    assert "changes when bars after" in prophet.entry.fault


def test_bytes_that_are_no_text_are_a_fault(engine: Engine, folder: Path) -> None:
    (folder / "idea.py").write_bytes(b"\xff\xfe\x00")
    shelf = refresh(engine, folder)
    assert "can't be read" in shelf.entry.fault
    assert unknown_files(engine, folder) == []


def test_a_strategy_that_never_passed_is_refused_by_research(engine: Engine, folder: Path) -> None:
    write(folder, LOOKS_AHEAD)
    refresh(engine, folder)
    with pytest.raises(StrategyError, match="idea: no version has passed its trial: causality: it looks"):
        source_in_force(engine, "idea", folder)


def test_a_file_that_is_gone_is_no_longer_in_force(engine: Engine, folder: Path) -> None:
    write(folder, SOUND)
    refresh(engine, folder)
    (folder / "idea.py").unlink()
    assert unknown_files(engine, folder) == [("idea", "")]
    entry = refresh(engine, folder).entry
    assert (entry.content_hash, entry.fault) == (None, GONE)


def test_a_mended_file_is_in_force_again(engine: Engine, folder: Path) -> None:
    write(folder, SOUND)
    refresh(engine, folder)
    write(folder, LOOKS_AHEAD)
    refresh(engine, folder)
    write(folder, SOUND.format(size=0.5))
    entry = refresh(engine, folder).entry
    assert (entry.is_current, entry.fault) == (True, "")


def test_one_broken_file_stops_no_other(engine: Engine, folder: Path) -> None:
    write(folder, "while True", name="another")
    write(folder, SOUND)
    refresh_library(engine, folder, trial=quick)
    with transaction(engine) as connection:
        library = read_library(connection)
    assert {name: entry.is_current for name, entry in library.items()} == {"another": False, "idea": True}


def test_unknown_files_are_those_that_changed(engine: Engine, folder: Path) -> None:
    write(folder, SOUND)
    write(folder, SOUND, name="other")
    refresh_library(engine, folder, trial=quick)
    assert unknown_files(engine, folder) == []
    write(folder, SOUND.format(size=0.5))
    assert [name for name, _ in unknown_files(engine, folder)] == ["idea"]


def test_an_unknown_name_is_suggested(engine: Engine, folder: Path) -> None:
    write(folder, SOUND)
    with pytest.raises(StrategyError, match="did you mean 'idea'"):
        source_in_force(engine, "ideas", folder)


def test_a_search_that_takes_too_long_is_ended_and_the_next_goes_on(database_url: str, folder: Path) -> None:
    job = OptimizationJob("ema_cross", "BTC/USDT:USDT", "1h", 0, archive=str(folder))
    outcomes = optimize_many(
        database_url, [job, replace(job, symbol="ETH/USDT:USDT")], 1, limits=WorkLimits(minutes=0.0001)
    )
    errors = [outcome.error for outcome in outcomes if isinstance(outcome, JobFailure)]
    assert len(errors) == 2
    assert all("took longer than 0.0001 minutes (optimization.job_minutes)" in error for error in errors)


def test_once_the_time_is_over_no_search_is_begun(database_url: str, folder: Path) -> None:
    jobs = [OptimizationJob("ema_cross", f"{base}/USDT:USDT", "1h", 0) for base in ("BTC", "ETH")]
    outcomes = optimize_many(database_url, jobs, 2, limits=WorkLimits(search_minutes=0.0))
    assert outcomes == [NotReached(job) for job in jobs]


SPREAD = SOUND.replace("Bars, Int,", "Bars, Inputs, Int,").replace(
    "    window = Int", "    inputs = Inputs(symbols=2)\n    window = Int"
)


def test_a_trial_tells_how_many_symbols_a_strategy_in_force_trades(engine: Engine, folder: Path) -> None:
    write(folder, SOUND)
    write(folder, SPREAD, name="spread")
    write(folder, LOOKS_AHEAD, name="prophet")
    refresh_library(engine, folder, trial=quick)
    with transaction(engine) as connection:
        assert symbols_in_force(connection) == {"idea": 1, "spread": 2}


def test_a_trial_of_before_that_did_not_tell_is_made_again(engine: Engine, folder: Path) -> None:
    write(folder, SOUND)
    refresh(engine, folder)
    with transaction(engine) as connection:
        connection.execute(text("update research.strategy_trials set symbols = null"))
        assert symbols_in_force(connection) == {}
    refresh(engine, folder)
    with transaction(engine) as connection:
        assert symbols_in_force(connection) == {"idea": 1}
