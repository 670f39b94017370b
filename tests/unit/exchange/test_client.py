"""Where the client is pointed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from yarl import URL

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.client import connect


def addresses(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [address for one in value.values() for address in addresses(one)]
    return [value] if isinstance(value, str) else []


def test_no_address_of_production_is_left_after_redirection() -> None:
    client = connect(ExchangeSettings(base_url="http://127.0.0.1:8123"))
    found = addresses(client.urls["api"])
    assert len(found) > 20
    assert all(one.startswith(("http://127.0.0.1:8123", "ws://127.0.0.1:8123")) for one in found)


def test_without_base_url_the_exchange_itself_is_meant() -> None:
    assert connect(ExchangeSettings()).urls["api"]["fapiPublic"].startswith("https://fapi.binance.com")


@pytest.mark.parametrize("address", ["127.0.0.1:8123", "ftp://host", "http://"])
def test_a_base_url_that_is_no_address_is_one_sentence(address: str) -> None:
    with pytest.raises(ConfigurationError, match=r"exchange\.base_url is .* expected an address"):
        connect(ExchangeSettings(base_url=address))


def test_an_unknown_exchange_is_named_with_its_neighbor() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown exchange id 'binanceusd'.*'binanceusdm'"):
        connect(ExchangeSettings(id="binanceusd"))


class RecordedSession:
    """Answers every request alike, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_closed = False

    @asynccontextmanager
    async def get(self, url: URL, **_more: Any) -> AsyncIterator[Any]:
        self.asked.append(str(url))
        yield SimpleNamespace(status=200, reason="OK", headers={}, text=self.text)

    async def text(self, **_more: Any) -> str:
        return '{"serverTime": 4711}'

    async def close(self) -> None:
        self.is_closed = True


def test_requests_go_through_the_session_that_was_handed_in_and_the_client_closes_it() -> None:
    session = RecordedSession()

    async def ask() -> int:
        client = connect(ExchangeSettings(), open_session=lambda: session)
        client.timeout_on_exit = 0
        try:
            return int(await client.fetch_time())
        finally:
            await client.close()

    assert asyncio.run(ask()) == 4711
    assert session.asked == ["https://fapi.binance.com/fapi/v1/time"]
    assert session.is_closed


def test_requests_are_stamped_by_the_clock_that_was_handed_in() -> None:
    assert connect(ExchangeSettings(), lambda: 1_767_225_600_123).nonce() == 1_767_225_600_123


class TellsThenBreaks(RecordedSession):
    """Answers the first request with a header, and loses the answer to the second one."""

    def __init__(self) -> None:
        super().__init__()
        self.headers = dict[str, str]()

    @asynccontextmanager
    async def get(self, url: URL, **_more: Any) -> AsyncIterator[Any]:
        self.asked.append(str(url))
        if len(self.asked) > 1:
            raise aiohttp.ServerDisconnectedError
        yield SimpleNamespace(status=200, reason="OK", headers={"Retry-After": "7"}, text=self.text)


@pytest.mark.parametrize("takes", [True, False])
def test_headers_are_taken_once_and_a_lost_answer_leaves_none_of_the_one_before(*, takes: bool) -> None:
    async def ask() -> None:
        settings = ExchangeSettings(base_url="http://venue.invalid")
        client = connect(settings, open_session=TellsThenBreaks)
        try:
            await client.fapiPublicGetTime({})
            if takes:
                assert dict(client.take_headers()) == {"Retry-After": "7"}
                assert client.take_headers() == {}
            with pytest.raises(Exception, match=r"venue\.invalid"):
                await client.fapiPublicGetTime({})
            assert client.take_headers() == {}
        finally:
            await client.close()

    asyncio.run(ask())


@pytest.mark.parametrize("address", [None, "http://127.0.0.1:8123"])
def test_an_authority_without_an_https_address_is_one_sentence(address: str | None, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"exchange\.ca_file is .* beside an https address"):
        connect(ExchangeSettings(base_url=address, ca_file=str(tmp_path / "ca.pem")))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_authority_that_is_no_certificate_is_one_sentence(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"exchange\.ca_file is .* a PEM file of certificates"):
        connect(ExchangeSettings(base_url="https://127.0.0.1:8123", ca_file=str(file)))
