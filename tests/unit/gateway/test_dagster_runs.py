"""What Dagster's webserver is asked, and what is made of its answers."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from quant_pipelines.gateway.dagster_runs import DagsterRuns, LaunchUnknown
from quant_pipelines.gateway.problems import Refused

LAUNCHED = {"data": {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "r1"}}}}
INVALID = {
    "data": {
        "launchRun": {
            "__typename": "RunConfigValidationInvalid",
            "errors": [{"message": "no\n such   op"}],
        }
    }
}


class Webserver(HTTPServer):
    """Answers every question with what is set, and keeps the questions."""

    answer: bytes = b""
    asked: Any = None


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        server.asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(server.answer)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def webserver() -> Iterator[Webserver]:
    with Webserver(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def runs_of(server: Webserver) -> DagsterRuns:
    return DagsterRuns(f"http://127.0.0.1:{server.server_port}")


def test_a_run_is_asked_for_with_its_config_and_tags(webserver: Webserver) -> None:
    webserver.answer = json.dumps(LAUNCHED).encode()
    assert runs_of(webserver).launch("job", {"ops": {}}, {"quant/audit_row": "5"}) == "r1"
    params = webserver.asked["variables"]["params"]
    assert params["selector"]["jobName"] == "job"
    assert params["executionMetadata"]["tags"] == [{"key": "quant/audit_row", "value": "5"}]


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (json.dumps(INVALID).encode(), 409, "job was refused by Dagster: no such op"),
        (b'{"errors": [{"message": "what"}]}', 409, "job was refused by Dagster: what"),
        (b"<html>", 503, "Dagster did not answer whether it starts job; "),
    ],
)
def test_another_answer_is_one_sentence(webserver: Webserver, answer: bytes, status: int, said: str) -> None:
    webserver.answer = answer
    with pytest.raises(Refused) as refused:
        runs_of(webserver).launch("job", {}, {})
    assert refused.value.code == status
    assert refused.value.sentence.startswith(said)


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:9"])
def test_nobody_there_is_503(address: str) -> None:
    with pytest.raises(Refused) as refused:
        DagsterRuns(address).launch("job", {}, {})
    assert refused.value.code == 503
    assert not isinstance(refused.value, LaunchUnknown)


def test_an_answer_that_does_not_come_leaves_open_whether_the_run_was_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        runs = DagsterRuns(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_seconds=0.2)
        with pytest.raises(LaunchUnknown) as unknown:
            runs.launch("job", {}, {"quant/audit_row": "5"})
    assert unknown.value.code == 503
    assert "expected a run with the tag quant/audit_row=5, or none" in unknown.value.sentence
