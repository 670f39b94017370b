"""What the pages promise: every command they show is accepted, and research commands are run as written."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from quant_pipelines.cli.__main__ import build_parser, main
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS
from quant_pipelines.store.bars import ensure_partitions, upsert_bars
from tests.unit.archive.trial_files import write_returns

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MAP = (ROOT / "docs" / "code_map.md").read_text()
NEEDS_NO_STACK = ("backtest", "optimize", "strategy", "import-trials")


def commands_of(page: Path) -> list[str]:
    """Commands in indented blocks: up to the explanation, without what is optional."""
    found = []
    for line in page.read_text().splitlines():
        match = re.match(r"    (?:\.venv/bin/)?quant (.*)", line)
        if match:
            shown = re.sub(r"\[[^]]*\]", "", match.group(1))
            found.append(re.split(r"\s{2,}", shown.strip())[0])
    return found


COMMANDS = sorted({command for page in PAGES for command in commands_of(page)})
RUNNABLE = [
    command for command in COMMANDS if command.startswith(NEEDS_NO_STACK) and "--cluster" not in command
]


def write_strategies(folder: Path) -> None:
    """Strategy files as the pages print them, under the names that their commands use."""
    for page in PAGES:
        for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
            name = re.search(r"class (\w+)\((?:Event)?Strategy\)", block)
            if name:
                (folder / f"{name.group(1).lower()}.py").write_text(block)


@pytest.fixture
def stored_hours(engine: Engine) -> None:
    """100 days of hourly bars: a wave that a trend follower can ride."""
    hours = np.arange(100 * 24)
    start = system_clock_ms() // DAY_MS * DAY_MS - 100 * DAY_MS
    close = 100.0 * np.exp(0.2 * np.sin(hours / 40.0) + 0.003 * np.sin(hours * 1.7))
    opened = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    volume = np.full(hours.size, 10.0)
    ts = start + hours * HOUR_MS
    rows = BarRows(ts, opened, high, low, close, volume, volume * close, np.full(hours.size, 7))
    ensure_partitions(engine, int(ts[0]), int(ts[-1]) + HOUR_MS)
    for symbol in ("BTC/USDT:USDT", "SOL/USDT:USDT"):
        upsert_bars(engine, Series("binanceusdm", symbol, "1h"), rows)


def test_the_pages_show_commands() -> None:
    assert len(COMMANDS) >= 8
    assert len(RUNNABLE) >= 5


def test_every_place_on_the_code_map_exists() -> None:
    places = re.findall(r"`([\w/.]+)`", MAP)
    assert len(places) >= 50
    assert [place for place in places if not (ROOT / place).exists() and "/" in place] == []


def test_every_package_is_on_the_code_map() -> None:
    packages = [path.parent.relative_to(ROOT) for path in ROOT.glob("*/__init__.py")]
    packages += [path.parent.relative_to(ROOT) for path in ROOT.glob("quant_pipelines/*/__init__.py")]
    named = set(re.findall(r"`([\w/]+)`", MAP))
    assert {str(package) for package in packages} - named == {"quant_pipelines"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_pages_is_accepted(command: str) -> None:
    assert build_parser().parse_args(shlex.split(command)).verb == command.split(maxsplit=1)[0]


@pytest.mark.postgres
@pytest.mark.usefixtures("stored_hours")
@pytest.mark.parametrize("command", RUNNABLE)
def test_research_commands_of_the_pages_run_as_written(
    command: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    write_strategies(tmp_path)
    write_returns(tmp_path / "returns.csv", np.random.default_rng(1).normal(0.0, 0.01, (90, 8)))
    assert main(shlex.split(command)) == 0
    for name in re.findall(r"--(?:report|trades) (\S+)", command):
        assert (tmp_path / name).stat().st_size > 500
