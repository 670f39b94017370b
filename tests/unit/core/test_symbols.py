import pytest

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.exchanges import EXCHANGES, require_exchange
from quant_pipelines.core.symbols import (
    Unsupported,
    require_symbol,
    symbol_of_venue,
    unsupported,
    venue_name,
)
from quant_pipelines.exchange.dialects import DIALECTS

INVERSE = "a coin-margined (inverse) contract"


@pytest.mark.parametrize(
    "symbol",
    [
        "BTC/USDT:USDT",
        "1000000MOG/USDT:USDT",
        "4/USDT:USDT",
        "币安人生/USDT:USDT",
        "龙虾/USDT:USDT",
        "हिन्दी/USDT:USDT",  # letters that carry marks
        "BTC/USDC:USDC",
        "BTC/USDT",
    ],
)
def test_contract_or_pair_in_any_script_is_a_symbol(symbol: str) -> None:
    assert require_symbol(symbol) == symbol


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("BTC/USDT:USDT-260626", "a dated contract"),
        ("BTCUSDT_260626", "a dated contract"),
        ("BTC-26JUN26", "a dated contract"),
        ("BTC/USD:BTC", INVERSE),
        ("btc/usd:btc", INVERSE),
        ("BTC/USD:BTC-260626", INVERSE),
        ("BTCUSD_PERP", INVERSE),
        ("BTC-USD-SWAP", INVERSE),
        ("BTC/USDT:USDC", "a quanto contract"),
        ("BTC/USDT:USDT-260626-70000-C", "an option"),
    ],
)
def test_what_is_not_traded_is_refused_by_name(text: str, kind: str) -> None:
    with pytest.raises(ConfigurationError, match="which is not supported") as caught:
        require_symbol(text)
    assert f"symbol {text!r} is {kind}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("btc/usdt:usdt", "BTC/USDT:USDT"),
        ("Btc/USDT:USDT", "BTC/USDT:USDT"),
        (" BTC/USDT:USDT", "BTC/USDT:USDT"),
        ("BTC/USDT：USDT", "BTC/USDT:USDT"),  # noqa: RUF001 - a wide colon
        ("btcusdt", "BTC/USDT:USDT"),
        ("BTC-USDT-SWAP", "BTC/USDT:USDT"),
        ("BTC_USDT", "BTC/USDT:USDT"),
        ("BTC", "BTC/USDT:USDT"),
        ("/", ""),
        ("BTC USDT/", ""),
        ("BTC/USDT:", ""),
        ("BTC/USDT:USDT:USDT", ""),
        ("../BTC/USDT:USDT", ""),
        ("", ""),
    ],
)
def test_malformed_symbol_is_refused_with_the_near_miss(text: str, near: str) -> None:
    expected = f"did you mean {near!r}?" if near else "expected a symbol such as BTC/USDT:USDT"
    with pytest.raises(ConfigurationError) as caught:
        require_symbol(text)
    assert str(caught.value) == f"symbol {text!r} is not in ccxt's form; {expected}"


def test_misspelled_settlement_coin_is_unknown() -> None:
    with pytest.raises(
        ConfigurationError, match="unknown symbol 'BTC/USDT:USD'; did you mean 'BTC/USDT:USDT'"
    ):
        require_symbol("BTC/USDT:USD")


def test_pair_is_asked_of_a_spot_exchange_only() -> None:
    assert unsupported("BTC/USDT", "binance") is None
    assert unsupported("BTC/USDT", "binanceusdm") == Unsupported("a spot pair", "BTC/USDT:USDT")
    assert unsupported("BTC/USDT:USDT", "binance") == Unsupported("a contract", "BTC/USDT")


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTCUSDT", "BTC/USDT:USDT"),
        ("USDCUSDT", "USDC/USDT:USDT"),
        ("BTCFDUSD", "BTC/FDUSD:FDUSD"),
        ("4USDT", "4/USDT:USDT"),
        ("币安人生USDT", "币安人生/USDT:USDT"),
    ],
)
def test_venues_name_stands_for_a_symbol_and_back(name: str, symbol: str) -> None:
    assert symbol_of_venue(name) == symbol
    assert venue_name(symbol) == name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("BTCUSD_PERP", INVERSE),
        ("BTCUSDT_260626", "a dated contract"),
        ("ETHBTC", "a pair without a known quote coin"),
        ("btcusdt", "no symbol"),
    ],
)
def test_venues_name_without_a_symbol_says_why(name: str, kind: str) -> None:
    told = symbol_of_venue(name)
    assert isinstance(told, Unsupported)
    assert told.kind == kind


def test_every_known_exchange_can_be_talked_to() -> None:
    assert set(EXCHANGES) == set(DIALECTS)


def test_unknown_exchange_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown exchange id 'binanceusd'.*'binanceusdm'"):
        require_exchange("binanceusd")
