"""What all worlds share."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture
def quietly() -> Iterator[None]:
    """What a runner says of thousands of faults tells nobody anything."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
