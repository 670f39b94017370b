"""What is the same in every world: its market, its settings, and the clock of ccxt's clients."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import ccxt

from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.settings import ExchangeSettings, Settings
from quant_pipelines.simulator.anchor import Anchor
from quant_pipelines.simulator.market import SyntheticMarket

DAY_0_MS = 1_767_225_600_000


@lru_cache
def synthetic_market() -> SyntheticMarket:
    """The one market of all worlds; each begins at another minute of it."""
    market = SyntheticMarket(Anchor(DAY_0_MS, 7, history_days=3))
    market.prepare(market.day_number(DAY_0_MS) + 2)
    return market


@contextmanager
def living_by(clock: Any) -> Iterator[None]:
    """Let ccxt's stream clients, which ask its class for the time, live by the world's clock."""
    ccxt.Exchange.milliseconds = staticmethod(clock)
    try:
        yield
    finally:
        del ccxt.Exchange.milliseconds  # its parent's is found again


ENTRIES = {
    "market": EntrySettings(),
    "limit": EntrySettings(order="limit"),
    "twap": EntrySettings(order="twap", seconds=40.0),
    "twap-limit": EntrySettings(order="twap", seconds=40.0, slices=4, slice_order="limit"),
    "twap-cancel": EntrySettings(order="twap", slices=4, slice_order="limit", at_end="cancel"),
    "iceberg": EntrySettings(order="iceberg", slices=4),
    "iceberg-cancel": EntrySettings(order="iceberg", seconds=50.0, at_end="cancel"),
}
"""How the worlds' orders enter."""


@lru_cache
def settings_of(entry: str) -> Settings:
    """Settings of a world whose orders enter so."""
    runner = RunnerSettings(
        deployment_poll_seconds=5.0,
        heartbeat_seconds=5.0,
        reconcile_seconds=5.0,
        entry=ENTRIES[entry],
    )
    return replace(Settings(), exchange=ExchangeSettings(base_url="http://venue.invalid"), runner=runner)


def enter_by(entry: str, world: Any) -> None:
    """Let a world's orders enter so, not as its seed says; as that says where none is named."""
    if entry:
        world.settings = settings_of(entry)
