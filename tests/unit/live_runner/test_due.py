"""What is due at a close, before its strategy has answered and after the world went on while it thought."""

from itertools import product
from typing import Any

import pytest

from live_runner.book.due import BookStanding, Due, due

ASKED = BookStanding(is_bar=True)
ANSWERED = ASKED._replace(is_answered=True)


@pytest.mark.parametrize(
    ("meanwhile", "expected"),
    [
        ({}, "decide"),
        ({"is_answered": False}, "ask"),  # a later close is due, or none was before
        ({"is_bar": False}, "nothing"),  # somebody has decided on it
        ({"is_halted": True}, "withdraw"),
        ({"is_halted": True, "closes": True}, "decide"),
        ({"is_leaving": True}, "decide"),
        ({"hindered": "the venue is away"}, "wait"),
        ({"pause": "a funding slot is near"}, "wait"),
        ({"missed": "it did not answer"}, "wait"),
        ({"is_halted": True, "hindered": "the venue is away"}, "withdraw"),
        ({"is_leaving": True, "hindered": "the venue is away"}, "wait"),
        ({"is_leaving": True, "pause": "a funding slot is near"}, "decide"),
        ({"is_leaving": True, "missed": "it did not answer"}, "decide"),
    ],
)
def test_an_answer_counts_only_while_its_own_decision_is_due(
    meanwhile: dict[str, Any], expected: Due
) -> None:
    assert due(ANSWERED._replace(**meanwhile)) == expected


FLAGS = [name for name in BookStanding._fields if name not in ("hindered", "pause", "missed")]
REASONS = [{}, {"hindered": "away"}, {"pause": "soon"}, {"missed": "late"}]


def standings() -> list[BookStanding]:
    found = []
    for values, reason in product(product((False, True), repeat=len(FLAGS)), REASONS):
        found.append(BookStanding(**dict(zip(FLAGS, values, strict=True)), **reason))  # type: ignore[arg-type]
    return found


def test_a_strategy_is_asked_exactly_where_its_answer_would_be_decided_on() -> None:
    for standing in standings():
        is_asked = due(standing._replace(is_answered=False)) == "ask"
        changes = due(standing._replace(is_answered=True)) != due(standing._replace(is_answered=False))
        assert is_asked == changes


def test_who_wants_to_be_flat_waits_for_no_strategy() -> None:
    flat = [standing for standing in standings() if standing.wants_flat]
    assert not [standing for standing in flat if due(standing) == "ask"]
    assert {due(one) for one in flat if one.closes and not one.hindered} == {"decide"}
