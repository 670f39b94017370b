"""What many worlds have shown together: which faults happened, which transitions were visited."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from quant_pipelines.trading.breaker import ROWS
from quant_pipelines.trading.orders import FOLLOWERS
from tests.faults.table import FAULTS
from tests.faults.world import Outcome

LEAST_OF_EACH_FAULT = 50


@dataclass
class Tally:
    """Sum of outcomes."""

    n_seeds: int = 0
    n_events: int = 0
    n_violations: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    moves: Counter[str] = field(default_factory=Counter)
    trips: Counter[str] = field(default_factory=Counter)
    digests: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one world."""
        self.n_seeds += 1
        self.n_events += outcome.events
        self.n_violations += len(outcome.violations)
        self.faults += outcome.faults
        self.moves += Counter(
            {f"{before or 'NEW'} {after}": n for (before, after), n in outcome.moves.items()}
        )
        self.trips += outcome.trips
        self.digests.append(outcome.digest)

    @property
    def document(self) -> dict[str, Any]:
        """Figures in one line."""
        digest = hashlib.sha256("".join(self.digests).encode()).hexdigest()
        return {
            "seeds": self.n_seeds,
            "events": self.n_events,
            "violations": self.n_violations,
            "hash": digest,
            "shown": {"faults": self.faults, "moves": self.moves, "trips": self.trips},
        }

    def see(self, shown: dict[str, dict[str, int]]) -> None:
        """Count what the ``shown`` of another document counts."""
        self.faults.update(shown["faults"])
        self.moves.update(shown["moves"])
        self.trips.update(shown["trips"])

    def rare_faults(self, least: int = LEAST_OF_EACH_FAULT) -> dict[str, int]:
        """Faults that happened less often than a whole run must show them."""
        return {name: self.faults[name] for name in FAULTS if self.faults[name] < least}

    @property
    def rarest_fault(self) -> str:
        """Fault that happened least, and how often."""
        [name] = self.rarest(1)
        return f"`{name}` {self.faults[name]:,}"

    def rarest(self, n_faults: int) -> list[str]:
        """So many faults that happened least, the rarest first."""
        return sorted(FAULTS, key=lambda one: (self.faults[one], one))[:n_faults]

    def unvisited_moves(self) -> list[str]:
        """Steps of the order table that nothing has taken."""
        steps = (
            f"{before} {after}" for before, followers in FOLLOWERS.items() for after in sorted(followers)
        )
        return [step for step in steps if not self.moves[step]]

    def unvisited_trips(self) -> list[str]:
        """Events of the breaker that a person lifts, and that have tripped nothing."""
        return [event for event, row in ROWS.items() if row.ends_by == "person" and not self.trips[event]]

    def coverage(self) -> Iterator[str]:
        """Sentences about what was seen."""
        yield "faults: " + ", ".join(f"{name} {self.faults[name]}" for name in sorted(FAULTS))
        yield "order steps: " + ", ".join(f"{step} {n}" for step, n in sorted(self.moves.items()))
        yield "breaker: " + ", ".join(f"{event} {n}" for event, n in sorted(self.trips.items()))
        rare = ", ".join(f"{name} {n}" for name, n in self.rare_faults().items())
        yield f"less than {LEAST_OF_EACH_FAULT} times: {rare or 'none'}"
        yield f"steps never taken: {', '.join(self.unvisited_moves()) or 'none'}"
        yield f"breaker events never seen: {', '.join(self.unvisited_trips()) or 'none'}"
