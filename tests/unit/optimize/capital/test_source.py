"""Which decision it is: an edit of it begins no record anew and is another decision, a comment is not."""

import shutil
import subprocess
import sys
from pathlib import Path

import quant_pipelines

ASK = """
import sys
from numba import config
from quant_pipelines.core.jit import kernel_digest
from quant_pipelines.optimize.capital import decision_digest
before = kernel_digest(), decision_digest()
for edited in sys.argv[1:]:  # as an upgrade does while a search runs
    open(edited, "a").write("pass")
assert (kernel_digest(), decision_digest()) == before
print(*before, config.CACHE_DIR)
"""


def digests(home: Path, *edited: Path) -> tuple[str, str, str]:
    """Of what produces days, of what decides, and the folder of compiled code."""
    environment = {"PYTHONPATH": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PATH": ""}
    asked = [sys.executable, "-P", "-c", ASK, *map(str, edited)]
    kernel, decision, folder = subprocess.check_output(asked, env=environment, text=True).split()
    return kernel, decision, folder


def test_an_edit_of_the_decision_is_another_decision_and_begins_no_record_anew(tmp_path: Path) -> None:
    package = tmp_path / "quant_pipelines"
    ignored = shutil.ignore_patterns("__pycache__", "migrations", "*.js", "*.css")
    shutil.copytree(Path(quant_pipelines.__file__).parent, package, ignore=ignored)
    edited = package / "optimize" / "decision" / "paths.py"
    before = digests(tmp_path)
    edited.write_text(edited.read_text() + "\n# More is said of it.\n")
    explained = digests(tmp_path)
    edited.write_text(edited.read_text().replace("_BALANCE = 0.99", "_BALANCE = 0.98"))
    changed = digests(tmp_path)
    replaced = package / "core" / "timeframes.py"
    assert digests(tmp_path, replaced, edited)[:2] == changed[:2]
    begun = digests(tmp_path)
    assert begun[0] != changed[0]
    assert begun[1] != changed[1]
    assert before[:2] == explained[:2]
    assert changed[0] == before[0]
    assert changed[1] != before[1]
    assert len({before[2], explained[2], changed[2]}) == 3
