"""The pages behind the verdicts asset are linked from it."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.resources import Platform
from quant_pipelines.marketdata.days import history_days
from quant_pipelines.pages.place import PagePlace, page_place
from quant_pipelines.stack.home import open_home
from quant_pipelines.stack.ports import choose_ports, free_port
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.views import newest_verdicts
from tests.pipelines.conftest import ComputedMarket
from tests.pipelines.test_jobs import DAYS, execute

URL = "http://127.0.0.1:4321"


@pytest.fixture
def shown(platform: Platform, tmp_path: Path) -> Iterator[Platform]:
    """The platform with a place for its pages."""
    made = Platform(
        platform.settings,
        clock=platform.clock,
        open_source=lambda _: ComputedMarket(),
        pages=PagePlace(tmp_path / "reports", URL),
    )
    yield made
    made.engine.dispose()


@pytest.fixture
def judged(shown: Platform, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """First start: one verdict and its page."""
    return execute(shown, instance, "first_start", history_days(shown.clock(), DAYS - 1))


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, dg.MetadataValue]:
    (event,) = [
        event for event in result.get_asset_materialization_events() if event.asset_key == dg.AssetKey(asset)
    ]
    return dict(event.step_materialization_data.materialization.metadata)


def test_verdict_links_its_page_and_the_index(shown: Platform, judged: dg.ExecuteInProcessResult) -> None:
    with transaction(shown.engine) as connection:
        (row,) = newest_verdicts(connection, shown.exchange, shown.fresh)
    metadata = metadata_of(judged, "verdicts")
    assert metadata["all_reports"] == dg.MetadataValue.url(f"{URL}/index.html")
    assert f"({URL}/verdict-{row['id']}.html)" in str(metadata["reports"].value)
    assert shown.pages is not None
    page = (shown.pages.folder / f"verdict-{row['id']}.html").read_text()
    assert "Walk-forward of ema_cross" in page
    assert 'data-name="buy and hold"' in page
    assert f'href="verdict-{row["id"]}.html"' in (shown.pages.folder / "index.html").read_text()


def test_home_of_a_started_stack_knows_the_address_of_its_pages(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    assert page_place(home) == PagePlace(home.reports)
    ports = choose_ports(home.ports_file, free_port())
    assert page_place(home).link("index.html") == f"http://127.0.0.1:{ports.pages}/index.html"


def test_without_a_server_the_link_is_the_file(tmp_path: Path) -> None:
    assert PagePlace(tmp_path).link("index.html") == (tmp_path / "index.html").as_uri()
