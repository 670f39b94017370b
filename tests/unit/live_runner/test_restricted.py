"""A changed settings file takes effect without a restart; one that can't be read changes nothing."""

import os
from dataclasses import replace
from pathlib import Path

from live_runner.process.restricted import RestrictedSymbols
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.settings import Settings
from quant_pipelines.settings import load_settings

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
WRITTEN = iter(range(1_000_000_000, 2_000_000_000))


def write(file: Path, text: str) -> None:
    file.write_text(text)
    os.utime(file, (at := next(WRITTEN), at))


def test_restricted_symbols_follow_their_file(tmp_path: Path) -> None:
    file = tmp_path / "quant.toml"
    settings = replace(Settings(), runner=RunnerSettings(restricted_symbols=(BTC,)))
    restricted = RestrictedSymbols(settings, lambda: load_settings(environment={}, file=file), file)
    assert restricted() == {BTC}
    write(file, f'[runner]\nrestricted_symbols = ["{BTC}", "{ETH}"]\n')
    assert restricted() == {BTC, ETH}
    write(file, "[runner]\nrestricted_symbols = 7\n")
    assert restricted() == {BTC, ETH}
    write(file, "[runner]\nrestricted_symbols = []\n")
    assert restricted() == set()


def test_a_file_that_is_gone_for_a_moment_releases_no_symbol(tmp_path: Path) -> None:
    file = tmp_path / "quant.toml"
    write(file, f'[runner]\nrestricted_symbols = ["{BTC}"]\n')

    def load() -> Settings:  # none is no fault: then the defaults hold
        return load_settings(environment={}, file=file) if file.exists() else Settings()

    restricted = RestrictedSymbols(load(), load, file)
    file.unlink()  # as an editor does that saves
    assert restricted() == {BTC}
    write(file, f'[runner]\nrestricted_symbols = ["{ETH}"]\n')
    assert restricted() == {ETH}
