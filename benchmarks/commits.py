"""Other commits beside this one, to measure both in one run."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
"""Folder of this checkout."""


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Check a commit out beside this one, with this one's packages, for as long as it is looked at.

    Raises
    ------
    CalledProcessError
        If git knows no such commit.
    """
    with tempfile.TemporaryDirectory(prefix="quant-base-") as folder:
        place = Path(folder) / commit
        git = ("git", "-C", str(HERE), "worktree")
        subprocess.run((*git, "add", "--detach", str(place), commit), check=True, capture_output=True)
        try:
            (place / ".venv").symlink_to(HERE / ".venv")
            yield place
        finally:
            subprocess.run((*git, "remove", "--force", str(place)), check=True, capture_output=True)
