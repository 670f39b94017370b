"""Metrics on a port: answered on loopback, and no reason for a process not to run."""

import logging
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from quant_pipelines.core.telemetry_settings import MetricsSettings
from quant_pipelines.stack.ports import answers, free_port
from quant_pipelines.telemetry.exposition import show_metrics
from quant_pipelines.telemetry.record import count, take_notes


@pytest.fixture(autouse=True)
def _nobody_afterwards() -> Iterator[None]:
    yield
    take_notes(None)


def asked(port: int, host: str = "127.0.0.1") -> str:
    called = {"Host": f"{host}:{port}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers=called)
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - loopback
        return str(response.read().decode())


def until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 10
    while not answers(port):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_was_noted_is_shown_with_the_process_itself() -> None:
    port = free_port()
    show_metrics("runner", MetricsSettings(runner_port=port))
    until_it_answers(port)
    count("quant_orders_total", deployment=3, side="sell")
    shown = asked(port)
    assert 'quant_orders_total{deployment="3",side="sell"} 1.0' in shown
    assert "process_resident_memory_bytes" in shown
    with pytest.raises(urllib.error.HTTPError, match="421"):
        asked(port, "desk.example")  # a page of somebody else that had its name point here


@pytest.mark.parametrize("settings", [MetricsSettings(), MetricsSettings(is_exposed=False, runner_port=1)])
def test_without_a_port_or_switched_off_nothing_is_kept(settings: MetricsSettings) -> None:
    assert show_metrics("runner", settings) is None


def test_a_port_that_is_taken_is_one_sentence_and_the_process_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, caplog.at_level(logging.WARNING):
        metrics = show_metrics("runner", MetricsSettings(runner_port=server.getsockname()[1]))
        deadline = time.monotonic() + 10
        while not caplog.records:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert [record.getMessage() for record in caplog.records] == [
        "metrics are not shown: port is taken or can't be used; the process goes on without"
    ]
    count("quant_orders_total", deployment=3, side="sell")
    assert metrics is not None
    assert metrics.value("quant_orders_total", {"deployment": "3", "side": "sell"}) == 1.0
