"""Plugin for a run without compilation: skips what is made of LLVM's own instructions, and says so.

    NUMBA_DISABLE_JIT=1 python -m pytest -p tests.uncompiled tests/unit/accounting

Lane vectors and memory of the batch loop (``core.lanes``, ``core.memory``) have no Python form; parity tests
hold that loop equal, to the last bit, to the driver that does run uncompiled.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_NO_PYTHON = "is not usable in pure-python"


@contextmanager
def _skipping() -> Iterator[None]:
    try:
        yield
    except NotImplementedError as error:
        if _NO_PYTHON not in str(error):
            raise
        pytest.skip(f"runs compiled only: {error}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    with _skipping():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    with _skipping():
        yield
