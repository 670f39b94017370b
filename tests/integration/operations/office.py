"""Users with their authenticators, and a clock that is set by hand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyotp

from quant_pipelines.core.settings import Settings
from quant_pipelines.operations import users
from quant_pipelines.operations.key_store import KeyStore
from quant_pipelines.operations.people import Claimant
from quant_pipelines.operations.verb import carry_out
from quant_pipelines.operations.verbs import DECISIONS

STEP_MS = 30_000


@dataclass
class Office:
    """Users with their authenticators, and a clock that is set by hand."""

    world: Any
    home: Path
    now_ms: int

    def __post_init__(self) -> None:
        self.seeds: dict[str, str] = {}

    @property
    def store(self) -> KeyStore:
        return KeyStore(self.world.engine, self.home, {}, lambda: self.now_ms)

    def claim(self, name: str, role: Any = "admin", **more: Any) -> Claimant:
        return Claimant(name, "because", more.pop("code", self.code(name)), role, **more)

    def code(self, name: str, steps: int = 0) -> str:
        """Code that an authenticator shows, some steps from now."""
        if name not in self.seeds:
            return ""
        return pyotp.TOTP(self.seeds[name]).at(self.now_ms // 1000 + 30 * steps)

    def add(self, name: str, role: Any, by: str = "root") -> None:
        self.wait()
        made = users.enroll(self.store, self.claim(by), name, role)
        self.seeds[name] = pyotp.parse_uri(made.uri).secret

    def wait(self, steps: float = 1) -> None:
        self.now_ms += int(steps * STEP_MS)

    def do(
        self, job: str, operator: str, *, code: str | None = None, settings: Any = None, **given: Any
    ) -> Any:
        """What the command line and the Launchpad do, with the next code."""
        self.wait()
        signed = {
            "operator": operator,
            "reason": "because",
            "code": self.code(operator) if code is None else code,
        }
        return carry_out(DECISIONS[job], signed | given, store=self.store, settings=settings or Settings())
