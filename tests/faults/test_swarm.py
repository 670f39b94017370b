"""As many seeded worlds as four minutes of two cores have room for; one that fails is one line to repeat."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.table import usual
from tests.faults.tally import Tally
from tests.faults.test_trips import NEVER_TRIPPED, WORLDS
from tests.faults.world import play

FIRST = 1
N_SEEDS = 600
_SEEDS_IN_A_CHUNK = 20
LEAST_HERE = 15
"""Every fault happens more often than this, whatever a change elsewhere makes of the seeds."""
NEVER_SEEN = {
    # Sent as soon as it is intended, and written down before: nothing is heard of it in between.
    *(f"INITIALIZED {status}" for status in ("ACCEPTED", "TRIGGERED", "PARTIALLY_FILLED", "FILLED")),
    *(f"INITIALIZED {status}" for status in ("CANCELED", "EXPIRED", "UNKNOWN", "REJECTED")),
    # Market orders end at once, and stops are not seen between being sent and being asked for.
    *(f"{status} CANCELED" for status in ("SUBMITTED", "UNKNOWN", "TRIGGERED", "PARTIALLY_FILLED")),
    *(f"{status} TRIGGERED" for status in ("SUBMITTED", "UNKNOWN")),
    *(f"{status} PARTIALLY_FILLED" for status in ("UNKNOWN", "ACCEPTED", "TRIGGERED")),
    *("UNKNOWN EXPIRED", "TRIGGERED EXPIRED", "ACCEPTED EXPIRED", "ACCEPTED REJECTED"),
    # A change or a cancel of an entry is answered within seconds: few are crossed by another end.
    *(f"PENDING_UPDATE {status}" for status in ("FILLED", "CANCELED", "EXPIRED", "PENDING_CANCEL")),
    *(f"PENDING_CANCEL {status}" for status in ("FILLED", "EXPIRED")),
    "PARTIALLY_FILLED PENDING_CANCEL",
    # An entry is seldom withdrawn in the moment between its submission and the limit order.
    "SUBMITTED DENIED",
    # A stop's cancel is proven by read-back, not by a status; one of a strategy may trigger meanwhile.
    *("TRIGGERED PENDING_CANCEL", "PENDING_CANCEL REJECTED"),
    # What is filled in parts is told by fills; the status of its answer is the last one already.
    *("SUBMITTED PARTIALLY_FILLED", "PARTIALLY_FILLED FILLED", "PARTIALLY_FILLED EXPIRED"),
}
"""Steps of the order table that the worlds need not take, though the table lets a venue take them."""


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "gw" in base.name else base) / "faults"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.usefixtures("quietly")
@pytest.mark.parametrize("first", range(FIRST, FIRST + N_SEEDS, _SEEDS_IN_A_CHUNK))
def test_worlds_with_faults_violate_nothing_and_show_every_fault(first: int, shown: Path) -> None:
    tally, found = Tally(), dict[str, object]()
    for seed in range(first, first + _SEEDS_IN_A_CHUNK):
        outcome = play(seed)
        tally.add(outcome)
        found |= {f"make faults SEEDS=1 FIRST={seed}": list(outcome.violations)} if outcome.violations else {}
    assert found == {}
    (shown / f"{first}.json").write_text(json.dumps([tally.faults, tally.moves, tally.trips]))
    parts = [json.loads(path.read_text()) for path in sorted(shown.glob("*.json"))]
    if len(parts) == N_SEEDS // _SEEDS_IN_A_CHUNK:  # the last one sees what all have shown
        whole = Tally(*(0, 0, 0), *(sum((Counter(part[n]) for part in parts), Counter()) for n in range(3)))
        assert whole.rare_faults(LEAST_HERE).keys().isdisjoint(usual())
        assert {*whole.unvisited_moves()} <= NEVER_SEEN
        assert {*whole.unvisited_trips()} <= {*WORLDS, *NEVER_TRIPPED}
