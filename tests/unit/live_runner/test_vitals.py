"""The runner's sign of life says what people have to know."""

from datetime import UTC, datetime

import pytest

from live_runner.process.vitals import Obstacles, sign_of_life
from quant_pipelines.trading.breaker import TradingState, Trip

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("halts", "state"),
    [
        ((), "ACTIVE"),
        ((Trip("frozen"),), "FROZEN"),
        ((Trip("flattened"), Trip("frozen")), "HALTED"),
    ],
)
def test_a_runner_that_trades_nothing_yet_shows_the_halts_that_wait_for_it(
    halts: tuple[Trip, ...], state: TradingState
) -> None:
    """A person who halts a stack in its first minutes must not read that it is active."""
    assert sign_of_life([], {}, Obstacles(halts=halts), epoch=1, at=NOON).state == state
