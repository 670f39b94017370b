import pytest

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.instrument_sets import is_set, set_name, symbols_of


def test_name_of_a_set_keeps_the_order_and_gives_the_symbols_back() -> None:
    name = set_name(["ETH/USDT:USDT", "BTC/USDT:USDT"])
    assert name == "ETH/USDT:USDT+BTC/USDT:USDT"
    assert symbols_of(name) == ("ETH/USDT:USDT", "BTC/USDT:USDT")
    assert is_set(name)


def test_one_symbol_is_its_own_name() -> None:
    assert set_name(["BTC/USDT:USDT"]) == "BTC/USDT:USDT"
    assert symbols_of("BTC/USDT:USDT") == ("BTC/USDT:USDT",)
    assert not is_set("BTC/USDT:USDT")


@pytest.mark.parametrize("symbols", [[], ["A", "A"]])
def test_no_symbol_or_one_twice_is_refused(symbols: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="expected one or more, each once"):
        set_name(symbols)
