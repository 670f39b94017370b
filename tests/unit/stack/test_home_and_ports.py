import json
import os
import socket
from dataclasses import asdict
from pathlib import Path

import pytest

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.stack.home import is_locked, locked, open_home, strategies_in_force
from quant_pipelines.stack.ports import choose_ports, free_port, is_free, read_ports
from quant_pipelines.telemetry.table import ALL


def test_home_is_private_and_complete(tmp_path: Path) -> None:
    home = open_home(tmp_path / "deep" / "home")
    assert home.folder.stat().st_mode & 0o777 == 0o700
    assert home.logs.is_dir()


def test_home_in_use_is_refused_with_its_holder(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    with locked(home):
        assert is_locked(home)
        with (
            pytest.raises(ConfigurationError, match=f"is in use by process {os.getpid()}; stop that stack"),
            locked(home),
        ):
            pass
    assert not is_locked(home)


def test_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"can't be used: .*; expected a folder that can be written"):
        open_home(tmp_path / "file")


def test_ports_are_kept_while_they_are_free(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = choose_ports(file, free_port())
    assert choose_ports(file, first.webserver) == first == read_ports(file)


def test_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = choose_ports(file, free_port())
    with socket.create_server(("127.0.0.1", first.postgres)):
        second = choose_ports(file, first.webserver)
    assert second.postgres != first.postgres
    assert second.simulator == first.simulator


def test_taken_ui_port_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(ConfigurationError, match=f"^port {port} on 127.0.0.1 is taken"):
            choose_ports(tmp_path / "ports.json", port)


@pytest.mark.parametrize("content", ["", "{", json.dumps({"webserver": 1}), "[]"])
def test_broken_ports_file_counts_as_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "ports.json"
    file.write_text(content)
    assert read_ports(file) is None


def test_a_verb_reads_the_strategies_of_the_stack_that_runs(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    home.write_services({"services": [], "strategies": "/somewhere/strategies"})
    assert strategies_in_force(home, "") == ""
    with locked(home):
        assert strategies_in_force(home, "") == "/somewhere/strategies"
        assert strategies_in_force(home, "./mine") == "./mine"


def test_each_process_has_a_port_for_its_metrics_that_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = choose_ports(file, free_port())
    chosen = {first.metrics_of(process) for process in ALL}
    assert len(chosen) == len(ALL)
    assert all(chosen)
    assert choose_ports(file, first.webserver) == first


def test_ports_of_an_older_start_are_kept_and_completed(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = choose_ports(file, free_port())
    known = {name: port for name, port in asdict(first).items() if "metrics" not in name}
    file.write_text(json.dumps(known))
    second = choose_ports(file, first.webserver)
    assert {name: getattr(second, name) for name in known} == known
    assert all(second.metrics_of(process) for process in ALL)
