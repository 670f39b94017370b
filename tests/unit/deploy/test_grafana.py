"""Dashboards are what their tables build, in the form that the pinned version of Grafana has."""

import importlib.util
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "grafana"
DASHBOARDS = sorted(path.stem for path in FOLDER.glob("*.json"))


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def targets_of(name: str) -> Iterator[str]:
    for panel in document(name)["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def through_types(given: dict[str, Any]) -> dict[str, Any]:
    plugins.register_default_plugins()
    read: dict[str, Any] = json.loads(JSONEncoder().encode(Dashboard.from_json(given)))
    for panel in read["panels"]:
        assert panel["fieldConfig"]["defaults"].pop("custom", {}) == {}  # the library adds it to some
    return read


@pytest.fixture(scope="module")
def build() -> Any:
    spec = importlib.util.spec_from_file_location("dashboards", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_dashboards_are_those_of_the_tables(build: Any) -> None:
    assert sorted(build.DASHBOARDS) == DASHBOARDS
    assert {name: build.built(name) for name in DASHBOARDS} == {name: document(name) for name in DASHBOARDS}


def test_the_library_is_that_of_one_version_of_grafana() -> None:
    assert version("grafana-foundation-sdk") == "1769699379!11.6.0"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_grafana_knows_every_field(name: str) -> None:
    """What its types do not know is lost on the way through them."""
    given = document(name)
    assert through_types(given) == given
    broken = given | {"panelz": []}
    assert through_types(broken) != broken


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_lie_side_by_side_and_each_query_has_a_name_of_its_own(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in document(name)["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken
        taken |= cells
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters) > 0
        assert panel["datasource"]["uid"] == "${source}"
