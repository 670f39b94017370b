"""A venue's certificate is checked against its authority; one that is refused is one sentence."""

import asyncio
import ssl
from pathlib import Path

import pytest
from aiohttp import web

from quant_pipelines.core.errors import ExchangeDistrusted
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.exchange.retry import Backoff
from tests.processes.authority import Authority, Served

PATIENT = Backoff(attempts=6, first_seconds=60.0)


async def _time(_request: web.Request) -> web.Response:
    return web.json_response({"serverTime": 1_767_225_600_000})


async def asked(authority: Authority, served: Served) -> int:
    """Time of a venue that shows a certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*served)
    application = web.Application()
    application.router.add_get("/fapi/v1/time", _time)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        address = f"https://127.0.0.1:{runner.addresses[0][1]}"
        settings = ExchangeSettings(base_url=address, ca_file=str(authority.file))
        async with CcxtSource(settings, backoff=PATIENT) as source:
            return await source.server_time()
    finally:
        await runner.cleanup()


def test_a_venue_with_a_certificate_of_its_authority_is_talked_to(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    assert asyncio.run(asked(authority, authority.sign())) == 1_767_225_600_000


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("expired", "certificate has expired"),
        ("elsewhere", "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ("stranger", "certificate signature failure"),
    ],
)
def test_a_certificate_that_is_refused_is_one_sentence(fault: str, reason: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    served = {
        "expired": lambda: authority.sign(days=-2),
        "elsewhere": lambda: authority.sign("127.0.0.9"),
        "stranger": lambda: Authority(tmp_path / "stranger").sign(),
    }[fault]()
    with pytest.raises(ExchangeDistrusted, match="the exchange's certificate is refused") as raised:
        asyncio.run(asked(authority, served))
    assert str(raised.value).startswith("server time not asked, as")
    assert reason in str(raised.value)
