"""Puts the venue together: market, REST answers and streams in one aiohttp application."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.simulator.anchor import keep_anchor
from quant_pipelines.simulator.budget import Budget
from quant_pipelines.simulator.connections import Connections
from quant_pipelines.simulator.contracts import exchange_info
from quant_pipelines.simulator.derivatives import Derivatives
from quant_pipelines.simulator.market import SyntheticMarket
from quant_pipelines.simulator.ports import DerivativesPort, MarketPort
from quant_pipelines.simulator.recorded.anchor import keep_recorded_anchor
from quant_pipelines.simulator.recorded.derivatives import RecordedDerivatives
from quant_pipelines.simulator.recorded.findings import compare_roll_ups
from quant_pipelines.simulator.recorded.market import RecordedMarket
from quant_pipelines.simulator.recorded.recording import read_recording
from quant_pipelines.simulator.rest import RestAnswers
from quant_pipelines.simulator.socket_api import SocketApi
from quant_pipelines.simulator.streams import MarketStreams
from quant_pipelines.simulator.venue.credentials import DEMO_KEYS
from quant_pipelines.simulator.venue.played import SimulatedMarket
from quant_pipelines.simulator.venue.service import DEFAULT_WALLET, Front, VenueService, open_venue

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trading:
    """The order side.

    Parameters
    ----------
    home
        Folder that keeps the ledger.
    wallet
        Play money of a new account, quote.
    keys
        Secret by API key.
    """

    home: Path
    wallet: Decimal = DEFAULT_WALLET
    keys: Mapping[str, str] = field(default_factory=lambda: DEMO_KEYS)


class PlayedVenue(NamedTuple):
    """A market and what surrounds its prices; ``about`` says in a few words which one it is."""

    market: MarketPort
    derivatives: DerivativesPort
    about: str


def open_market(home: Path, *, seed: int | None, clock: Clock, archive: Path | None = None) -> PlayedVenue:
    """Market of a home, made at the first start and continued ever after.

    Parameters
    ----------
    home
        Folder that keeps the anchor.
    seed
        Seed of a new market; None takes the usual one, or the home's.
    clock
        Wall time.
    archive
        Folder of recorded history; None plays the synthetic market.

    Raises
    ------
    ConfigurationError
        If the home's market is another one.
    DataError
        If the archive can't be played.
    """
    if archive is not None:
        return _open_archive(home, archive, seed=seed, clock=clock)
    market = SyntheticMarket(keep_anchor(home, seed=seed, clock=clock))
    market.prepare(market.day_number(clock() + DAY_MS))
    return PlayedVenue(market, Derivatives(market), f"synthetic, seed {market.seed}")


def _open_archive(home: Path, archive: Path, *, seed: int | None, clock: Clock) -> PlayedVenue:
    recording = read_recording(archive)
    anchor = keep_recorded_anchor(home, recording, seed=seed, clock=clock)
    for comparison in compare_roll_ups(recording):
        logger.log(logging.WARNING if comparison.differing else logging.INFO, "archive %s", comparison)
    market = RecordedMarket(recording, anchor)
    now = from_ms(clock() - anchor.shift_ms)
    about = f"archive {archive}, seed {anchor.seed}, now is {now:%Y-%m-%d %H:%M} UTC"
    return PlayedVenue(market, RecordedDerivatives(recording, market), about)


def build_application(
    played: PlayedVenue, *, clock: Clock, trading: Trading | None = None
) -> web.Application:
    """Application that serves a market; without ``trading`` it takes no orders.

    Raises
    ------
    ConfigurationError, DataError
        If the ledger can't be used or does not add up.
    """
    market, derivatives, _ = played
    budget = Budget()
    rest, connections = RestAnswers(market, derivatives, clock, budget), Connections()
    application = web.Application()
    if trading is not None:
        prices = SimulatedMarket(market, derivatives)
        listed = exchange_info(market, clock(), only_trading=True)
        venue = open_venue(trading.home, prices, listed, wallet=trading.wallet, now_ms=clock())
        front = Front(clock, budget, connections)
        service = VenueService(venue, prices, front, keys=trading.keys)
        service.attach(application)
        SocketApi(service, rest).attach(application)
    MarketStreams(market, derivatives, clock, connections).attach(application)
    connections.attach(application)
    application.router.add_route("*", "/{path:.*}", rest.answer)
    return application
