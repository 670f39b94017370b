from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.removed_settings import REMOVED
from quant_pipelines.core.setting_bounds import all_bounds
from quant_pipelines.core.settings import Settings
from quant_pipelines.settings import home_folder, load_settings


def numbers() -> list[tuple[str, Any]]:
    """Settings by dotted name with their defaults."""
    return [(name, attrgetter(name)(Settings())) for name in all_bounds()]


def test_settings_without_any_source_are_the_packaged_defaults() -> None:
    assert load_settings(environment={}) == Settings()


def test_settings_later_source_wins_leaf_by_leaf(tmp_path: Path) -> None:
    file = tmp_path / "quant.toml"
    file.write_text('[exchange]\nid = "gate"\nbase_url = "file"\nmax_concurrent_requests = 9\n')
    loaded = load_settings(
        {"exchange": {"base_url": "flag"}}, environment={"QUANT_EXCHANGE__ID": "okx"}, file=file
    )
    assert (loaded.exchange.id, loaded.exchange.base_url, loaded.exchange.max_concurrent_requests) == (
        "okx",
        "flag",
        9,
    )


def test_settings_environment_reaches_the_deepest_level() -> None:
    loaded = load_settings(environment={"QUANT_OPTIMIZATION__MINUTE_WINDOWS__FOLDS": "3"})
    assert loaded.optimization.minute_windows.folds == 3
    assert loaded.optimization.minute_windows.train_days == 10


def test_settings_environment_lists_are_separated_by_commas() -> None:
    loaded = load_settings(environment={"QUANT_MARKET__UNIVERSE": "BTC/USDT:USDT, ETH/USDT:USDT"})
    assert loaded.market.universe == ("BTC/USDT:USDT", "ETH/USDT:USDT")


def test_settings_exchange_variable_names_the_exchange() -> None:
    assert load_settings(environment={"EXCHANGE": "bybit"}).exchange.id == "bybit"


def test_settings_home_is_not_part_of_the_tree(tmp_path: Path) -> None:
    assert load_settings(environment={"QUANT_HOME": str(tmp_path)}) == Settings()
    assert home_folder({"QUANT_HOME": str(tmp_path)}) == tmp_path
    assert home_folder({"XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "quant-pipelines"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"QUANT_EXCHANGE__BASE_ULR": "x"},
            "unknown setting 'exchange.base_ulr'; did you mean 'exchange.base_url'?",
        ),
        ({"QUANT_DATABASE_ULR": "x"}, "unknown setting 'database_ulr'; did you mean 'database_url'?"),
        (
            {"QUANT_GATES__CAPITAL_MIN_DSR": "0.9"},
            (
                "setting gates.capital_min_dsr is gone, expected without it: the capital decision pays for "
                "the search, see docs/concepts.md"
            ),
        ),
        (
            {"QUANT_OPTIMIZATION__TRIALS": "many"},
            (
                "setting optimization.trials is 'many'; expected: a valid integer, "
                "unable to parse string as an integer"
            ),
        ),
        (
            {"QUANT_OPTIMIZATION__TRIALS": "0"},
            "setting optimization.trials is 0; expected a value in [1, 100000]",
        ),
        (
            {"QUANT_OPTIMIZATION__OBJECTIVE": "sharp"},
            "unknown value of setting optimization.objective: 'sharp'; did you mean 'sharpe'?",
        ),
        (
            {"QUANT_EXCHANGE": "x", "QUANT_EXCHANGE__ID": "y"},
            "environment variable QUANT_EXCHANGE__ID goes below 'exchange', which has a value",
        ),
    ],
)
def test_settings_bad_environment_is_one_sentence(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_settings(environment=environment)
    assert str(error.value) == sentence


@pytest.mark.parametrize("content", ["exchange = ", "\x00"])
def test_settings_broken_file_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "quant.toml"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"settings file '.*quant.toml' can't be read: .*at "):
        load_settings(environment={}, file=file)


def test_settings_unknown_section_of_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "quant.toml"
    file.write_text("[exchang]\nid = 'x'\n")
    with pytest.raises(ConfigurationError, match="unknown setting 'exchang'"):
        load_settings(environment={}, file=file)


def test_settings_names_are_dotted() -> None:
    assert {"database_url", "exchange.id", "optimization.hour_windows.folds"} <= set(all_bounds())


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("name", [name for name, default in numbers() if isinstance(default, float)])
def test_no_setting_takes_a_number_that_is_not_finite_from_the_environment(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"setting {name} is {value}; expected a"):
        load_settings(environment={"QUANT_" + name.upper().replace(".", "__"): value})


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("EXCHANGE", "nosuch", "setting exchange.id: unknown exchange id 'nosuch'"),
        ("QUANT_EXCHANGE__OTHERS", "okex", "setting exchange.others: unknown exchange id 'okex'"),
        (
            "QUANT_MARKET__UNIVERSE",
            "BTC/USDT:USDT, eth/usdt:usdt",
            "setting market.universe: symbol 'eth/usdt:usdt' is not in ccxt's form; did you mean 'ETH/USDT:U",
        ),
        (
            "QUANT_MARKET__WHITELIST",
            "BTC/USD:BTC",
            "setting market.whitelist: symbol 'BTC/USD:BTC' is a coin",
        ),
        (
            "QUANT_MARKET__BOOK_SYMBOLS",
            "BTC/USDT",
            "setting market.book_symbols: symbol 'BTC/USDT' is a spot",
        ),
        (
            "QUANT_OPTIMIZATION__INSTRUMENT_SETS",
            "BTC/USDT:USDT+ETH/USDT:USDT-260626",
            "setting optimization.instrument_sets: symbol 'ETH/USDT:USDT-260626' is a dated contract",
        ),
    ],
)
def test_settings_name_that_is_not_traded_is_refused(variable: str, value: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment={variable: value})
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("name", REMOVED)
def test_settings_file_that_names_a_removed_setting_says_what_stands_in_its_place(
    tmp_path: Path, name: str
) -> None:
    group, _, key = name.partition(".")
    file = tmp_path / "quant.toml"
    file.write_text(f"[{group}]\n{key} = 0.9\n")
    with pytest.raises(ConfigurationError) as refused:
        load_settings(environment={}, file=file)
    assert str(refused.value) == f"setting {name} is gone, expected without it: {REMOVED[name]}"


def test_slices_that_come_faster_than_prices_are_read_are_refused() -> None:
    twap = {"order": "twap", "seconds": 20.0, "slices": 11}
    with pytest.raises(
        ConfigurationError, match=r"^setting runner\.entry\.slices is 11 within 20 seconds; .* 10 "
    ):
        load_settings({"runner": {"entry": twap}}, environment={})
    assert load_settings({"runner": {"entry": twap | {"slices": 10}}}, environment={})
    assert load_settings({"runner": {"entry": twap | {"order": "iceberg"}}}, environment={})
