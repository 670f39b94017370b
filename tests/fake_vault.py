"""A small Vault on loopback, built from its documented API: AppRole, tokens, key-value engine, version 2."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

ROOT = "hvs.root-token"
ROLE_ID, SECRET_ID = "0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"


class VaultAnswer(NamedTuple):
    status: int
    body: bytes = b""


@dataclass
class FakeVault:
    """Secrets by mount and path; tokens that count; what it was asked."""

    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=lambda: {ROOT})
    asked: list[str] = field(default_factory=list)
    namespaces: set[str] = field(default_factory=set)
    is_sealed: bool = False
    scripted: VaultAnswer | None = None
    address: str = ""

    def answer(self, method: str, path: str, token: str, body: dict[str, Any]) -> VaultAnswer:
        self.asked.append(f"{method} {path}")
        if self.scripted is not None or self.is_sealed:
            return self.scripted or _errors(503, "Vault is sealed")
        if path == "/v1/auth/approle/login":
            return self._logged_in(body)
        if token not in self.tokens:
            return _errors(403, "permission denied")
        if path == "/v1/auth/token/revoke-self":
            self.tokens.discard(token)
            return VaultAnswer(204)
        return self._secret(path)

    def _secret(self, path: str) -> VaultAnswer:
        mount, _, name = path.removeprefix("/v1/").partition("/data/")
        found = self.secrets.get(f"{mount}/{name}")
        if found is None:
            return _errors(404)
        if not found:
            deleted = {"data": None, "metadata": {"deletion_time": "2026-01-01T00:00:00Z", "version": 1}}
            return VaultAnswer(404, json.dumps({"data": deleted}).encode())
        held = {"data": found, "metadata": {"deletion_time": "", "version": 1}}
        return VaultAnswer(200, json.dumps({"data": held}).encode())

    def _logged_in(self, body: dict[str, Any]) -> VaultAnswer:
        if body != {"role_id": ROLE_ID, "secret_id": SECRET_ID}:
            return _errors(400, "invalid role or secret ID")
        token = f"hvs.of-role-{len(self.asked)}"
        self.tokens.add(token)
        told = {"auth": {"client_token": token, "lease_duration": 1200, "renewable": True}}
        return VaultAnswer(200, json.dumps(told).encode())


def _errors(status: int, *sentences: str) -> VaultAnswer:
    return VaultAnswer(status, json.dumps({"errors": sentences}).encode())


@contextmanager
def fake_vault() -> Iterator[FakeVault]:
    found = FakeVault()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            found.namespaces.add(self.headers.get("X-Vault-Namespace", ""))
            token = self.headers.get("X-Vault-Token", "")
            status, told = found.answer(self.command, self.path, token, body)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(told)))
            if 300 <= status < 400:
                self.send_header("location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
            self.wfile.write(told)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join(10)
