"""A gateway on a stored world, called in this process; its clock stands until it is moved."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pyotp
import pytest
from sqlalchemy import Engine, insert
from starlette.testclient import TestClient

from quant_pipelines.core.gateway_settings import GatewaySettings
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import day_start_ms, from_ms
from quant_pipelines.gateway.application import build_application, served
from quant_pipelines.gateway.console.routes import console_router
from quant_pipelines.gateway.problems import Refused
from quant_pipelines.gateway.services import LaunchUnknown, Services
from quant_pipelines.operations import users
from quant_pipelines.operations.key_store import KeyStore
from quant_pipelines.operations.people import Claimant
from quant_pipelines.store.tables import accounts, deployments, equity, fills, strategy_versions

NOW = day_start_ms("2025-06-10") + 600_000
ROLES = ("viewer", "operator", "approver", "admin")


@dataclass
class RecordedRuns:
    """Stands where Dagster stands: keeps what it was asked, or is away."""

    asked: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    is_away: bool = False
    is_unknown: bool = False

    def launch(self, job: str, config: dict[str, Any], tags: dict[str, str]) -> str:
        if self.is_away:
            raise Refused(503, "Dagster does not answer")
        if self.is_unknown:
            raise LaunchUnknown(503, f"no answer about {tags}")
        self.asked.append((job, config, tags))
        return f"run-{len(self.asked)}"


@dataclass
class Gate:
    """A gateway with its people."""

    engine: Engine
    home: Path
    settings: Settings = field(default_factory=Settings)
    now_ms: int = NOW
    seeds: dict[str, str] = field(default_factory=dict)
    runs: RecordedRuns = field(default_factory=RecordedRuns)
    built: Any = field(default=None, init=False)

    @property
    def store(self) -> KeyStore:
        return KeyStore(self.engine, self.home, {}, lambda: self.now_ms)

    def with_rules(self, **rules: Any) -> "Gate":
        """Gate on the same people with other settings of its own."""
        changed = dataclasses.replace(self.settings, gateway=GatewaySettings(**rules))
        return dataclasses.replace(self, settings=changed)

    def add(self, name: str, role: Any) -> None:
        self.wait()
        by = next(iter(self.seeds), "setup")
        made = users.enroll(self.store, Claimant(by, "because", self.code(by), "admin"), name, role)
        self.seeds[name] = pyotp.parse_uri(made.uri).secret

    def code(self, name: str) -> str:
        return pyotp.TOTP(self.seeds[name]).at(self.now_ms // 1000) if name in self.seeds else ""

    def wait(self, steps: float = 1) -> None:
        self.now_ms += int(steps * 30_000)

    def deployed(self) -> int:
        """Deployment of a strategy on paper, that has booked nothing yet."""
        at = from_ms(self.now_ms)
        values: dict[str, Any] = {
            "strategy": "ema_cross",
            "exchange": "binanceusdm",
            "symbol": "BTC/USDT:USDT",
        }
        values |= {"timeframe": "1h", "execution_timeframe": "1m", "parameters": {}, "settings": {}}
        values |= {"stage": "paper", "capital": 10_000, "history_start": at, "created_at": at}
        with self.engine.begin() as connection:
            account = {"name": "paper", "venue": "paper", "currency": "USDT", "capital": 1, "created_at": at}
            account_id = connection.execute(
                insert(accounts).values(account).returning(accounts.c.id)
            ).scalar()
            text = {"strategy": "ema_cross", "content_hash": "a", "kernel_digest": "b", "source": "c"}
            version = insert(strategy_versions).values(text | {"parameters": {}, "created_at": at})
            version_id = connection.execute(version.returning(strategy_versions.c.id)).scalar()
            values |= {"account_id": account_id, "strategy_version_id": version_id, "stage_changed_at": at}
            made = insert(deployments).values(values).returning(deployments.c.id)
            return int(connection.execute(made).scalar_one())

    def booked(self, deployment_id: int, at: datetime) -> None:
        """Have a bar booked that closed then."""
        values = {"equity": 10_000.0, "cash": 9000.0, "position": 1.0, "price": 1000.0, "booked_at": at}
        with self.engine.begin() as connection:
            connection.execute(insert(equity).values(deployment_id=deployment_id, ts=at, **values))

    def filled(self, deployment_id: int, at: datetime, *trade_ids: str) -> None:
        """Have fills booked at once."""
        values = {"venue": "paper", "symbol": "BTC/USDT:USDT", "side": "buy"}
        values |= {"quantity": 1, "price": 1000, "fee": "0.5", "reason": "target", "ts": at, "booked_at": at}
        with self.engine.begin() as connection:
            rows = [values | {"deployment_id": deployment_id, "trade_id": one} for one in trade_ids]
            connection.execute(insert(fills), rows)

    def application(self, *more: Any) -> Any:
        """One for all clients: building it takes longer than most requests."""
        if self.built is None:
            services = Services(self.store, self.settings, self.runs)
            self.built = served(build_application(services, more))
        return self.built

    def client(self, base_url: str = "http://127.0.0.1") -> TestClient:
        return TestClient(self.application(), base_url=base_url, client=("127.0.0.1", 50_000))

    def logged_in(self, name: str, client: TestClient | None = None) -> TestClient:
        """Client with the cookie of a login and the token of its forms."""
        self.wait()
        used = client or self.client()
        answer = used.post("/api/v1/session", json={"operator": name, "code": self.code(name)})
        assert answer.status_code == 200, answer.text
        used.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return used


@pytest.fixture
def gate(engine: Engine, tmp_path: Path) -> Gate:
    """Nobody is a user yet."""
    return Gate(engine, tmp_path)


@pytest.fixture
def staffed(gate: Gate) -> Gate:
    """One user of each role, called by it; root is an admin."""
    for name in ("root", *ROLES):
        gate.add(name, "admin" if name == "root" else name)
    return gate


@pytest.fixture
def console(staffed: Any) -> Any:
    """Clients of the console by role; they share one application."""
    shared = staffed.application(console_router())

    class Console:
        gate = staffed

        def client(self) -> TestClient:
            return TestClient(shared, base_url="http://127.0.0.1", follow_redirects=False)

        def log_in(self, name: str) -> TestClient:
            client = self.client()
            staffed.wait()
            form = {"operator": name, "code": staffed.code(name), "to": "/console/risk"}
            answer = client.post("/console/login", data=form)
            assert (answer.status_code, answer.headers["location"]) == (303, "/console/risk"), answer.text
            return client

    return Console()


def is_problem(answer: httpx.Response, status: int) -> str:
    """Sentence of an answer that has this status and the one shape."""
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert set(told) == {"status", "error", "request_id"}, told
    assert told["status"] == status
    assert told["request_id"] == answer.headers["x-request-id"]
    assert "\n" not in told["error"]
    assert told["error"]
    return str(told["error"])


Problem = Callable[[httpx.Response, int], str]


@pytest.fixture
def problem() -> Iterator[Problem]:
    return is_problem
