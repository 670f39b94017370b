"""The page of the gateway names what is there, as it is there."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.gateway.streams import sockets
from quant_pipelines.settings import load_settings

pytestmark = pytest.mark.postgres
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "gateway.md").read_text()


def test_every_route_of_the_page_is_there_with_its_role(gate: Any) -> None:
    paths = gate.client().get("/api/v1/openapi.json").json()["paths"]
    told = re.findall(r"^\| `(GET|POST) (/\S+)` \| (\w+) \|", PAGE, re.MULTILINE)
    assert len(told) == 8
    assert [row for row in told if paths[row[1]][row[0].lower()]["x-role"] != row[2]] == []
    for path in re.findall(r"`(?:GET|POST|DELETE) (/api/\S+)`", PAGE):
        assert path in paths


def test_every_read_of_the_page_is_there(gate: Any) -> None:
    paths = gate.client().get("/api/v1/openapi.json").json()["paths"]
    listed = PAGE.partition("the reads behind the console: ")[2].partition(". A page")[0]
    names = re.findall(r"`([a-z/]+)`", listed)
    assert len(names) == 12
    assert [name for name in names if "get" not in paths[f"/api/v1/{name}"]] == []


def test_every_stream_of_the_page_is_there() -> None:
    told = set(re.findall(r"^\| `(/ws/\S+)` \|", PAGE, re.MULTILINE))
    there = {route.path.replace(":path", "") for route in sockets.ROUTER.routes}  # type: ignore[attr-defined]
    assert told == there


def test_settings_of_the_page_are_accepted(tmp_path: Path) -> None:
    text = "\n".join(line[4:] for line in PAGE.partition("    [gateway]\n")[2].splitlines())
    file = tmp_path / "quant.toml"
    file.write_text(f"[gateway]\n{text}\n")
    assert load_settings(environment={}, file=file).gateway.root_path == "/quant"
    assert set(tomllib.loads(file.read_text())) == {"gateway"}


def test_names_that_are_none_are_refused(tmp_path: Path) -> None:
    for name, value, said in (
        ("allowed_hosts", "desk.example:80", "expected a name without a port"),
        ("allowed_origins", "https://desk.example/", "expected scheme and host only"),
        ("proxies", "desk", "expected an address or a network"),
    ):
        with pytest.raises(Exception, match=said):
            load_settings(environment={f"QUANT_GATEWAY__{name.upper()}": value})
