"""``quant strategy`` as a user types it."""

import json
from pathlib import Path

import pytest

from quant_pipelines.cli.__main__ import main
from quant_pipelines.sdk.scaffold import scaffold

LOOKS_AHEAD = scaffold("ahead").replace("bars.close - ema", "np.append(bars.close[1:], 1.0) - ema")


@pytest.mark.parametrize("form", [(), ("--event",)], ids=["target", "event"])
def test_a_new_strategy_passes_its_test_as_it_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: tuple[str, ...]
) -> None:
    path = tmp_path / "my_idea.py"
    assert main(["strategy", "new", str(path), *form]) == 0
    assert main(["strategy", "test", str(path), "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out.partition("\n")[2])["strategies"]
    assert result["name"] == "my_idea"
    assert [check["check"] for check in result["checks"]][-1] == "drivers"


def test_a_new_strategy_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text("precious")
    assert main(["strategy", "new", str(path)]) == 1
    assert path.read_text() == "precious"
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["no_suffix", "1st.py", "a-b.py"])
def test_a_name_that_no_strategy_can_have_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["strategy", "new", str(tmp_path / name)]) == 1
    assert "expected a name such as my_idea.py" in capsys.readouterr().err


def test_a_strategy_that_looks_ahead_fails_its_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ahead.py"
    path.write_text(LOOKS_AHEAD)
    assert main(["strategy", "--json", "check", str(path)]) == 1
    (result,) = json.loads(capsys.readouterr().out)["strategies"]
    failed = {check["check"]: check["detail"] for check in result["checks"] if not check["passed"]}
    assert "causality" in failed
    assert "Ahead" in failed["causality"]


def test_an_unknown_strategy_is_answered_with_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["strategy", "check", "ema_cros"]) == 1
    assert "did you mean 'ema_cross'" in capsys.readouterr().err
