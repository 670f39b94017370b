"""Ports of a home: the UI's is fixed, the others are chosen free once and kept while they stay free."""

import json
import socket
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.telemetry_settings import MeasuredProcess


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports on 127.0.0.1."""

    webserver: int
    postgres: int
    simulator: int
    code_server: int
    pages: int = 0
    gateway: int = 0
    runner_metrics: int = 0
    collector_metrics: int = 0
    gateway_metrics: int = 0
    watchdog_metrics: int = 0

    def metrics_of(self, process: MeasuredProcess) -> int:
        """Port on which a process shows its metrics."""
        return int(getattr(self, f"{process}_metrics"))


def choose_ports(file: Path, webserver: int, gateway: int = 0) -> Ports:
    """Ports for a start, written to the home's ``ports.json``; that of the gateway may be named.

    Raises
    ------
    ConfigurationError
        If the UI's port is taken, or the one that is named for the gateway.
    """
    if not is_free(webserver):
        raise ConfigurationError(
            f"port {webserver} on 127.0.0.1 is taken by another program; "
            "stop that program, or choose a free port with --port"
        )
    if gateway and not is_free(gateway):
        raise ConfigurationError(
            f"gateway.port {gateway} on 127.0.0.1 is taken by another program; "
            "stop that program, or choose a free port, or 0"
        )
    kept = read_ports(file)
    chosen = {"webserver": webserver} | ({"gateway": gateway} if gateway else {})
    for field in fields(Ports)[1:]:
        if field.name in chosen:
            continue
        before = getattr(kept, field.name) if kept else 0
        chosen[field.name] = before if before and is_free(before) else free_port(set(chosen.values()))
    ports = Ports(**chosen)
    file.write_text(json.dumps(asdict(ports), indent=2) + "\n")
    return ports


def read_ports(file: Path) -> Ports | None:
    """Ports of the last start; None when there was none, or the file is broken."""
    try:
        return Ports(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def free_port(taken: set[int] | None = None) -> int:
    """Port on 127.0.0.1 that nobody listens on right now."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in (taken or ()):
            return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody accepts connections on this port, of 127.0.0.1 unless a host is named."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
