"""A scheduler that is not there is told of in bounded time."""

import socket
import time
from collections.abc import Iterator

import pytest

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.research.cluster import joined
from quant_pipelines.stack.ports import free_port


@pytest.fixture(name="silent")
def listen() -> Iterator[int]:
    """Port of somebody who answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def refused(port: int) -> str:
    began = time.monotonic()
    with pytest.raises(OptimizationError) as told, joined(f"tcp://127.0.0.1:{port}", first_seconds=1.0):
        pytest.fail("there is no scheduler")
    assert time.monotonic() - began < 60
    return str(told.value)


def test_nobody_there_is_one_sentence() -> None:
    port = free_port()
    told = refused(port)
    assert told.startswith(f"cluster tcp://127.0.0.1:{port} does not answer: ")
    assert "\n" not in told
    assert told.endswith("(what was found is kept, and a search without a cluster goes on with it)")


def test_somebody_who_is_no_scheduler_is_one_sentence(silent: int) -> None:
    assert "does not answer" in refused(silent)
