"""Which symbols an archive brings into the stack, and that the simulator is told of it."""

from pathlib import Path

import pytest

from quant_pipelines.core.errors import DataError
from quant_pipelines.core.settings import ExchangeSettings, MarketSettings, Settings
from quant_pipelines.stack.archive_market import archive_folder, archive_symbols
from quant_pipelines.stack.home import open_home
from quant_pipelines.stack.ports import Ports
from quant_pipelines.stack.services import build_services, plan_stack

DATABASE = "postgresql://quant@127.0.0.1/quant"  # named, so that no embedded server gets a place
PORTS = Ports(**dict.fromkeys(Ports.__dataclass_fields__, 1))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive" / "klines" / "binance_um"
    folder.mkdir(parents=True)
    for name in ("SUIUSDT-1m", "BTCUSDT-1m", "BTCUSDT-1h", "DOGEUSDT-1h", "ETHUSDT-1m"):
        (folder / f"{name}.parquet").touch()
    return tmp_path / "archive"


def test_the_universe_is_what_has_minutes(archive: Path) -> None:
    chosen = archive_symbols(archive, MarketSettings())
    assert chosen["universe"] == ("BTC/USDT:USDT", "ETH/USDT:USDT", "SUI/USDT:USDT")
    assert chosen["whitelist"] == chosen["universe"]


def test_what_an_operator_set_stays(archive: Path) -> None:
    assert set(archive_symbols(archive, MarketSettings(whitelist=("ETH/USDT:USDT",)))) == {"universe"}


def test_an_archive_without_minutes_is_refused(archive: Path) -> None:
    for path in archive.glob("**/*-1m.parquet"):
        path.unlink()
    with pytest.raises(DataError, match="has no 1m bars"):
        archive_symbols(archive, MarketSettings())


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"archive .*nowhere has no bars; expected .*klines"):
        archive_symbols(tmp_path / "nowhere", MarketSettings())


def test_no_variable_is_no_archive() -> None:
    assert archive_folder({}) is None
    assert archive_folder({"QUANT_ARCHIVE": ""}) is None


@pytest.mark.parametrize(
    ("settings", "variables", "is_played"),
    [
        (Settings(database_url=DATABASE), {}, True),
        (Settings(database_url=DATABASE), {"EXCHANGE": "binanceusdm"}, False),
        (
            Settings(database_url=DATABASE, exchange=ExchangeSettings(base_url="http://127.0.0.1:1")),
            {},
            False,
        ),
    ],
)
def test_the_simulator_plays_the_archive_and_an_exchange_does_not(
    archive: Path, tmp_path: Path, settings: Settings, variables: dict[str, str], is_played: bool
) -> None:
    plan = plan_stack(
        open_home(tmp_path / "home"),
        settings,
        variables | {"QUANT_ARCHIVE": str(archive)},
        ports=PORTS,
        with_runner=False,
    )
    assert ("QUANT_MARKET__UNIVERSE" in plan.environment()) == is_played
    commands = [service.command() for service in build_services(plan) if service.name == "simulator"]
    told = [command.arguments[-2:] for command in commands]
    assert told == ([("--archive", str(archive))] if is_played else [])
