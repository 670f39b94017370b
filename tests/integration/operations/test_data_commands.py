"""``quant data repair`` on a real database, with a simulated venue on a socket."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import text

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_of, floor_ms, from_ms
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.marketdata.ingest import Ingestion, ingest_bars
from quant_pipelines.simulator.anchor import Anchor
from quant_pipelines.simulator.budget import Budget
from quant_pipelines.simulator.derivatives import Derivatives
from quant_pipelines.simulator.market import SyntheticMarket
from quant_pipelines.simulator.rest import RestAnswers
from quant_pipelines.store.market import seed_symbols

pytestmark = pytest.mark.postgres

BTC, EXCHANGE = "BTC/USDT:USDT", "binanceusdm"
YESTERDAY = floor_ms(system_clock_ms(), DAY_MS) - DAY_MS
Quant = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def venue_url() -> Iterator[str]:
    """Venue in a thread of its own: the commands run their own loops."""
    market = SyntheticMarket(Anchor(YESTERDAY + DAY_MS, 7, history_days=3))
    rest = RestAnswers(market, Derivatives(market), system_clock_ms, Budget())
    loop, ready = asyncio.new_event_loop(), threading.Event()
    urls: list[str] = []

    async def serve() -> web.AppRunner:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", rest.answer)
        runner = web.AppRunner(application, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        urls.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(serve())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(60)
    yield urls[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)


@pytest.fixture
def holed(world: Any, venue_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """World whose database has yesterday's minutes of the venue but for an hour."""
    monkeypatch.setenv("QUANT_EXCHANGE__BASE_URL", venue_url)

    async def ingest() -> None:
        async with CcxtSource(ExchangeSettings(base_url=venue_url)) as source:
            await ingest_bars(Ingestion(source, world.engine, EXCHANGE), [BTC], [day_of(YESTERDAY)])

    asyncio.run(ingest())
    seed_symbols(world.engine, EXCHANGE, [BTC], [BTC], world.now)
    start = from_ms(YESTERDAY + 6 * HOUR_MS)
    with world.engine.begin() as connection:
        connection.execute(
            text("delete from market.bars where ts >= :start and ts < :start + interval '1 hour'"),
            {"start": start},
        )
    return world


def test_repair_mends_what_the_check_found(quant: Quant, holed: Any) -> None:
    code, report, _ = quant("data", "check")
    assert (code, [row["check_name"] for row in report["findings"]]) == (1, ["gaps"])

    code, plan, _ = quant("data", "repair", "--dry-run", BTC)
    assert (code, plan["repaired"]) == (0, [])
    assert plan["planned"] == [
        {
            "symbol": BTC,
            "what": "bars",
            "first_day": day_of(YESTERDAY),
            "last_day": day_of(YESTERDAY),
            "findings": 1,
        }
    ]

    code, report, _ = quant("data", "repair", "--from", day_of(YESTERDAY))
    assert (code, report["standing"], report["left"]) == (0, [], 0)
    assert [(row["inserted"], row["ended"], row["error"]) for row in report["repaired"]] == [(60, 1, "")]
    assert quant("data", "check")[0] == 0
    assert quant("data", "repair")[:2] == (0, {"planned": [], "left": 0, "repaired": [], "standing": []})


def test_exchange_that_is_away_fails_the_repair_with_a_sentence(
    quant: Quant, holed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    quant("data", "check")
    monkeypatch.setenv("QUANT_EXCHANGE__BASE_URL", "http://127.0.0.1:1")
    code, report, _ = quant("data", "repair")
    assert code == 1
    assert report["repaired"][0]["error"]
    assert [row["check_name"] for row in report["standing"]] == ["gaps"]


def test_repair_of_an_unknown_symbol_names_the_nearest(quant: Quant, holed: Any) -> None:
    code, _, err = quant("data", "repair", "BTC/USDT")
    assert (code, "did you mean 'BTC/USDT:USDT'" in err) == (1, True)


def test_text_answers_are_tables(quant: Quant, holed: Any, capfd: pytest.CaptureFixture[str]) -> None:
    quant("data", "check")
    capfd.readouterr()
    assert main(["data", "repair", "--dry-run"]) == 0
    out = capfd.readouterr().out
    assert out.startswith("1 portions would be repaired, 0 left")
    assert BTC in out
