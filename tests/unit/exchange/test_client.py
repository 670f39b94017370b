"""Where the client is pointed."""

from typing import Any

import pytest

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
