"""Part of the crash matrix, and that it has every way to the outside; ``make proof-crashes`` plays it all."""

import pytest

from quant_pipelines.store.journal import Journal
from tests.faults.boundaries import Boundary, Cell
from tests.faults.crash import matrix, play_script
from tests.faults.scripts import LOST_ENTRY, SCRIPTS, Name

_EVERY = 20
CALLS: dict[Name, set[str]] = {
    "set": {"book with an order", "book without one", "read_book"},
    "event": {"book with placed orders", "follow_order TRIGGERED", "follow_order CANCELED", "read_book"},
    "kept": {"book with an order", "book without one", "read_book"},
}
"""What each of the other scripts does among all that it calls."""


@pytest.fixture(scope="module")
def cells() -> list[tuple[Cell, ...]]:
    return matrix()


def test_the_matrix_has_every_call_of_the_journal_and_every_order(cells: list[tuple[Cell, ...]]) -> None:
    boundaries = {cell.boundary for path in cells for cell in path}
    called = {name.split()[0] for side, name in boundaries if side == "journal"}
    methods = {name for name in vars(Journal) if not name.startswith("_")} - {"market"}
    assert methods <= called
    orders = {name for side, name in boundaries if side == "net" and name.startswith(("POST", "DELETE"))}
    assert orders >= {
        "POST /fapi/v1/order entry",
        "POST /fapi/v1/order reduce-only",
        "POST /fapi/v1/algoOrder closing stop",
        "POST /fapi/v1/algoOrder stop of a quantity",
        "DELETE /fapi/v1/algoOrder",
    }


def test_whatever_breaks_the_books_agree_and_what_is_held_is_covered(cells: list[tuple[Cell, ...]]) -> None:
    chosen = cells[::_EVERY]
    plays = {path: play_script(*path) for path in chosen}
    assert [path for path, play in plays.items() if not play.has_fired] == []
    assert {path: play.violations for path, play in plays.items() if play.violations} == {}
    print(f"{len(plays)} of {len(cells)} cells covered")


@pytest.mark.parametrize("name", ["set", "event", "kept"])
def test_a_script_goes_its_way_unbroken_and_after_an_order_that_nobody_heard_of(name: Name) -> None:
    script = SCRIPTS[name]
    whole, broken = play_script(script=script), play_script(script.lost, script=script)
    assert (whole.violations, broken.violations) == ({}, {})
    assert (whole.lives, broken.lives) == (1, 2)
    assert {of for side, of in whole.calls if side == "journal"} >= CALLS[name]
    assert broken.recovery


def test_a_process_that_dies_is_followed_by_another_one() -> None:
    assert play_script().lives == 1
    assert play_script(LOST_ENTRY).lives == 2
    in_recovery = Cell(Boundary("net", "GET /fapi/v1/order"), 1, "dies after")
    assert play_script(LOST_ENTRY, in_recovery).lives == 3
