"""A cluster that can't be meant is refused in a sentence, before anything is searched."""

from pathlib import Path

import pytest

from quant_pipelines.cli.__main__ import main

ASKED = ("optimize", "ema_cross", "BTC/USDT:USDT")


@pytest.fixture(autouse=True)
def nothing_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("QUANT_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "address", ["scheduler:8786", "tcp://scheduler", "http://scheduler:1", "tcp://a b:1"]
)
def test_an_address_of_no_scheduler_is_refused(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ASKED, "--cluster", address]) == 1
    told = capsys.readouterr().err
    assert f"cluster is {address!r}; expected the address of a Dask scheduler, such as tcp://10.0.0.5" in told


def test_a_database_that_only_this_machine_reaches_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ASKED, "--cluster", "tcp://scheduler:8786"]) == 1
    told = capsys.readouterr().err
    assert told == (
        "quant: cluster is 'tcp://scheduler:8786', whose workers need a database that they reach, too; "
        "expected QUANT_DATABASE_URL\n"
    )


def test_a_folder_of_this_machine_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ASKED, "--cluster", "tcp://scheduler:8786", "--archive", str(tmp_path)]) == 1
    assert "is a folder of this machine, which no worker of a cluster reads" in capsys.readouterr().err
