"""A challenger in a world: a shadow beside an incumbent, then a canary with a part of its capital.

Then it has all of the capital, or goes; or the incumbent's book goes on with its parameters.

What people and guards do to the rows of deployments is done here at moments by the seed; what they had to
prove for it is examined elsewhere (`tests/integration/operations/test_challengers.py`). The examiners see the
books at the venue alone: those of the shadow are paper, and capital that is moved is no payment.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

from quant_pipelines.core.ids import deployment_of
from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.core.stages import Stage
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.trading.capital import WantedCapital
from tests.faults.canceled import CancelRules
from tests.faults.decisions import DecisionRules
from tests.faults.deployments import against
from tests.faults.examiner import Examiner
from tests.faults.independent import Independent
from tests.faults.intended import IntentRules
from tests.faults.kept import SIZED, KeptDecisionRules
from tests.faults.sending import SendingRules
from tests.memory_journal import Committed, MemoryJournal, Tables

if TYPE_CHECKING:
    from tests.faults.world import World

_PART = Decimal("0.1")
_PAPER_ACCOUNT = 99
_SHADOW_SECONDS, _CANARY_SECONDS = (30.0, 100.0), (70.0, 200.0)

Way: TypeAlias = Literal["taken", "back", "kept"]
"""How a challenge ends: the canary takes the place, goes back, or leaves its parameters to the other book."""
WAYS: tuple[Way, ...] = get_args(Way)


class Course(NamedTuple):
    """How long the shadow and the canary trade, and how it ends."""

    shadow_seconds: float
    canary_seconds: float
    way: Way


def drawn(chance: random.Random) -> Course:
    """Draw a course."""
    times = chance.uniform(*_SHADOW_SECONDS), chance.uniform(*_CANARY_SECONDS)
    return Course(*times, chance.choice(WAYS))


class JournalAtVenue:
    """What the runner has of the books at a venue, without the capital that came and went."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self._as_of, self._tables = (-1, -1), Tables()
        self.read_controls = journal.read_controls

    @property
    def deployments(self) -> dict[int, Deployment]:
        """Those whose orders go to the venue."""
        known = self._journal.deployments
        return {key: one for key, one in known.items() if one.venue != PAPER_VENUE}

    @property
    def tables(self) -> Tables:
        """Rows of these; read again only where some were written."""
        whole = self._journal.tables
        as_of = len(whole.log), len(whole.epochs)
        if as_of != self._as_of:
            self._as_of, self._tables = as_of, self._part(whole)
        return replace(self._tables, alerts=whole.alerts, heartbeats=whole.heartbeats, limits=whole.limits)

    def _part(self, whole: Tables) -> Tables:
        keys = self.deployments.keys()

        def own(rows: dict[Any, Any]) -> dict[Any, Any]:
            return {name: row for name, row in rows.items() if name[0] in keys}

        return replace(
            whole,
            checkpoints={key: row for key, row in whole.checkpoints.items() if key in keys},
            fills={name: row for name, row in whole.fills.items() if row[0] in keys},
            income={name: row for name, row in own(whole.income).items() if row.kind != TRANSFER},
            equity=own(whole.equity),
            signals=own(whole.signals),
            positions=own(whole.positions),
            orders={name: row for name, row in whole.orders.items() if deployment_of(name) in keys},
            slots=own(whole.slots),
            log=[one for one in whole.log if self._is_at_venue(one)],
        )

    def _is_at_venue(self, row: Committed) -> bool:
        if row.table == "alerts":
            return True
        if row.table == "income" and row.row.kind == TRANSFER:
            return False
        if row.table in ("orders", "intents"):
            return deployment_of(str(row.key[0])) in self.deployments
        return (row.row[0] if row.table == "fills" else row.key[0]) in self.deployments


class Challenge:
    """An incumbent, its shadow and its canary.

    Parameters
    ----------
    world
        Where they trade; its first deployment is the incumbent.
    course
        How it goes; drawn where it is None.
    ends
        Called right before it ends.
    """

    def __init__(
        self, world: "World", course: Course | None = None, ends: Callable[[], object] = lambda: None
    ) -> None:
        self._world, self.ways, self._ends = world, Counter[str](), ends
        chance = random.Random(world.begun_ms)
        self._course = course = course or drawn(chance)
        self._incumbent, rival = world.deployment, against(world.begun_ms, chance, 1)
        if course.way == "kept":  # the same text with other parameters
            is_sized = "size" in world.deployment.parameters
            source = world.deployment.source if is_sized else SIZED
            self._incumbent = replace(world.deployment, source=source, parameters={"size": 1.0})
            rival = replace(rival, source=source, parameters={"size": 0.6})
        self._shadow = replace(rival, venue=PAPER_VENUE, stage="shadow", account_id=_PAPER_ACCOUNT)
        self._canary = replace(rival, id=rival.id + 1, capital=self._incumbent.capital * _PART)
        world.journal.deployments |= {one.id: one for one in (self._incumbent, self._shadow)}
        world.beside.append(self._run)
        self._examine()

    def _examine(self) -> None:
        """Have the books at the venue examined, and every decision, those on paper too."""
        world, at_venue = self._world, JournalAtVenue(self._world.journal)
        journal: Any = at_venue
        evidence = replace(world.evidence, journal=journal, _cached={})
        world.cancels, world.examiner = CancelRules(evidence), Examiner(evidence)
        decide = [(evidence, self._incumbent), (world.evidence, self._shadow), (evidence, self._canary)]
        deciding = [DecisionRules(seen, world.market, one) for seen, one in decide]
        if self._course.way == "kept":
            self.kept = KeptDecisionRules(evidence, world.market, self._incumbent, self._canary)
            deciding[0] = self.kept
        world.examiners = [
            world.examiner,
            SendingRules(evidence),
            IntentRules(evidence),
            world.cancels,
            *deciding,
            Independent(evidence),
        ]

    async def _run(self) -> None:
        await asyncio.sleep(self._course.shadow_seconds)
        self._open_canary()
        await asyncio.sleep(self._course.canary_seconds)
        self._ends()
        self.ways[self._course.way] += 1
        {"taken": self._take_place, "back": self._take_back, "kept": self._hand_over}[self._course.way]()

    def _open_canary(self) -> None:
        """Move a part of the incumbent's capital to a canary; the shadow has done its part."""
        self._change(self._shadow.id, stage="retired")
        self._pay(self._incumbent.id, self._incumbent.capital * (1 - _PART))
        now = from_ms(self._world.clock())
        canary = replace(self._canary, created_at=now, history_start=now - timedelta(hours=2))
        self._world.journal.deployments[canary.id] = canary

    def _take_place(self) -> None:
        """Give the canary all of the capital; the incumbent leaves, and closes what it holds."""
        self._change(self._incumbent.id, stage="retired")
        self._change(self._canary.id, stage=self._incumbent.stage)
        self._pay(self._canary.id, self._incumbent.capital)

    def _take_back(self) -> None:
        """Have the canary leave; its part goes back."""
        self._change(self._canary.id, stage="rolled_back")
        self._pay(self._incumbent.id, self._incumbent.capital)

    def _hand_over(self) -> None:
        """Let the incumbent's book go on with the canary's parameters; the canary closes what it holds."""
        self.kept.switched_ms = self._world.clock()
        self._change(self._canary.id, stage="retired")
        known, key = self._world.journal.deployments, self._incumbent.id
        known[key] = replace(known[key], parameters=self._canary.parameters)
        self._pay(key, self._incumbent.capital)

    def _change(self, key: int, *, stage: Stage) -> None:
        known = self._world.journal.deployments
        known[key] = replace(known[key], stage=stage)

    def _pay(self, key: int, capital: Decimal) -> None:
        known = self._world.journal.deployments
        wanted = WantedCapital(capital, from_ms(self._world.clock()))
        known[key] = replace(known[key], wanted_capital=wanted)
