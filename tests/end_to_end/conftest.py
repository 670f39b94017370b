"""A whole stack of its own: free ports, its own home, the settings of a small market."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from quant_pipelines.stack.ports import free_port, read_ports
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.stack.postgres_server import local_url

# Three symbols with a documented trend and one that is noise: what passes is found, not planted. A fifth one
# is scanned only, until an operator approves it.
SMALL_MARKET = {
    "QUANT_MARKET__UNIVERSE": "BTC/USDT:USDT,ETH/USDT:USDT,SOL/USDT:USDT,XRP/USDT:USDT,LINK/USDT:USDT",
    "QUANT_MARKET__WHITELIST": "BTC/USDT:USDT,ETH/USDT:USDT,SOL/USDT:USDT,XRP/USDT:USDT",
    "QUANT_MARKET__HISTORY_DAYS": "31",
    "QUANT_OPTIMIZATION__TIMEFRAMES": "1m",
    "QUANT_OPTIMIZATION__TRIALS": "32",
    "QUANT_OPTIMIZATION__BREADTH": "named",  # a search of every strategy would be waited for
}


class Stack:
    """`quant up` as a process, and what can be asked of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("QUANT_", "DAGSTER_")) and name != "EXCHANGE"
        } | SMALL_MARKET

    def start(self) -> None:
        command = [sys.executable, "-P", "-m", "quant_pipelines.cli", "up"]
        with (self.home.parent / "up.log").open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "--home", str(self.home), "--port", str(self.port)],
                env=self._environment,
                stdout=output,
                stderr=output,
                cwd=self.home.parent,
            )

    def stop(self) -> int:
        """Stop as Ctrl-C does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)

    def status(self) -> dict[str, Any]:
        command = [sys.executable, "-P", "-m", "quant_pipelines.cli", "status", "--json"]
        done = subprocess.run(
            [*command, "--home", str(self.home)],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.home.parent,
        )
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def url(self) -> str:
        """URL of the stack's database."""
        ports = read_ports(self.home / "ports.json")
        assert ports is not None
        return local_url(self.home, ports.postgres)

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url()) as connection:
            return connection.execute(query.encode(), parameters or None).fetchall()

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Answer of the webserver, as the UI asks it."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/graphql", body, headers)
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            answer: dict[str, Any] = json.loads(response.read())
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def launch(self, job: str, run_config: dict[str, Any] | None = None) -> str:
        """Run id of a job that is launched as the Launchpad does."""
        selector = {
            "repositoryLocationName": "quant_pipelines",
            "repositoryName": "__repository__",
            "jobName": job,
        }
        launched = self.graphql(
            "mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename "
            "... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }",
            p={"selector": selector, "runConfigData": run_config or {}},
        )["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def runs(self, job: str) -> list[dict[str, Any]]:
        """Runs of a job, newest first: id, status, tags, and times in seconds since the epoch."""
        query = (
            "query($f: RunsFilter!) { runsOrError(filter: $f) { ... on Runs { results { "
            "runId status creationTime startTime endTime tags { key value } } } } }"
        )
        found = self.graphql(query, f={"pipelineName": job})["runsOrError"]["results"]
        return [run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def wait_for(self, what: str, condition: Callable[[], Any], seconds: float) -> Any:
        """Value of a condition once it is true; past the deadline the logs are shown."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                ended = f"quant up ended with {self.process.returncode} before the {what}"
                pytest.fail(f"{ended}\n{self.log_tails()}")
            try:
                value = condition()
            except (psycopg.Error, OSError, AssertionError):
                value = None  # not there yet
            if value:
                return value
            time.sleep(0.5)
        pytest.fail(f"no {what} within {seconds:.0f} s\n{self.log_tails()}")

    def log_tails(self) -> str:
        logs = [self.home.parent / "up.log", *sorted((self.home / "logs").glob("*.log"))]
        tails = [(log, log.read_text(errors="replace").splitlines()[-25:]) for log in logs if log.exists()]
        return "\n".join(f"== {log.name}\n" + "\n".join(lines) for log, lines in tails)

    def pids(self) -> list[int]:
        services = json.loads((self.home / "services.json").read_text())["services"]
        return [service["pid"] for service in services if service["pid"]]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Stack that was just started; what is left of it is ended afterwards."""
    folder = tmp_path_factory.mktemp("stack")
    folder.chmod(0o700)
    stack = Stack(folder / "home")
    stack.start()
    try:
        yield stack
    finally:
        if stack.process is not None and stack.process.poll() is None:
            stack.process.send_signal(signal.SIGTERM)
            stack.process.wait(90)
        remove_place(stack.home)
