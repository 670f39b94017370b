"""How the tests are shared out among the workers of a run: file by file, the longest first."""

import pytest
from xdist.scheduler import LoadScopeScheduling

END_TO_END = "tests/end_to_end/"
_LONGEST_FIRST = (END_TO_END, "tests/integration/runner/", "tests/integration/", "tests/pipelines/")
"""Folders whose files take long; were they the last ones, a worker would end long after the others."""


class Shares(LoadScopeScheduling):
    """Hands a worker the next file before it runs out of tests; the one stack's files go to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return END_TO_END if nodeid.startswith(END_TO_END) else nodeid.partition("::")[0]


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests by what is known of their folders."""
    items.sort(key=lambda item: [not item.nodeid.startswith(folder) for folder in _LONGEST_FIRST])
