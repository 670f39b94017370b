"""How the tests are shared out among the workers of a run: file by file, the longest first."""

import os

import pytest
from xdist.scheduler import LoadScopeScheduling

END_TO_END = "tests/end_to_end/"
_LONGEST_FIRST = (
    END_TO_END,
    "tests/faults/test_swarm.py",
    "tests/integration/runner/",
    "tests/integration/",
    "tests/pipelines/",
    "tests/faults/",
)
"""Folders whose files take long; were they the last ones, a worker would end long after the others."""


class Shares(LoadScopeScheduling):
    """Hands a worker the next file before it runs out of tests; the one stack's files go to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return END_TO_END if nodeid.startswith(END_TO_END) else nodeid.partition("::")[0]


def usual_workers() -> int:
    """One worker more than there are cores: venues, daemons and whole minutes are waited for meanwhile."""
    given = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS")
    return int(given) if given else (os.cpu_count() or 1) + 1


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests by what is known of their folders."""
    items.sort(key=lambda item: [not item.nodeid.startswith(folder) for folder in _LONGEST_FIRST])
