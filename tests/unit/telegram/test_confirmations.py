"""A confirmation belongs to one person and one act, for a minute and one try."""

from collections.abc import Iterator

import pytest

from quant_pipelines.telegram.commands import TighteningAct
from quant_pipelines.telegram.confirmations import Confirmations, four_digits

ANN, BOB = 1, 2
FLATTEN, PAUSE = TighteningAct("flatten", "account"), TighteningAct("pause", "deployment:3")


class Desk:
    """Confirmations with codes 0001, 0002, … and a clock that is set by hand."""

    def __init__(self) -> None:
        self.now_ms = 0
        codes: Iterator[str] = (f"{number:04d}" for number in range(1, 99))
        self.waiting = Confirmations(60, lambda: self.now_ms, lambda: next(codes))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_code_confirms_once(desk: Desk) -> None:
    code = desk.waiting.ask(ANN, FLATTEN)
    desk.now_ms = 60_000
    assert desk.waiting.take(ANN, code) == FLATTEN
    assert "waits for a confirmation" in str(desk.waiting.take(ANN, code))


def test_a_late_code_does_nothing(desk: Desk) -> None:
    code = desk.waiting.ask(ANN, FLATTEN)
    desk.now_ms = 60_001
    assert desk.waiting.take(ANN, code) == "that came later than 60 s; nothing was done: /flatten asks anew"


def test_one_guess_ends_it(desk: Desk) -> None:
    code = desk.waiting.ask(ANN, FLATTEN)
    assert "not the code" in str(desk.waiting.take(ANN, "9999"))
    assert isinstance(desk.waiting.take(ANN, code), str)


def test_nobody_confirms_for_another(desk: Desk) -> None:
    anns, bobs = desk.waiting.ask(ANN, FLATTEN), desk.waiting.ask(BOB, PAUSE)
    assert isinstance(desk.waiting.take(BOB, anns), str)
    assert desk.waiting.take(ANN, anns) == FLATTEN
    assert isinstance(desk.waiting.take(BOB, bobs), str)


def test_a_second_act_takes_the_place_of_the_first(desk: Desk) -> None:
    first, second = desk.waiting.ask(ANN, FLATTEN), desk.waiting.ask(ANN, PAUSE)
    assert first != second
    assert desk.waiting.take(ANN, second) == PAUSE
    desk.waiting.ask(ANN, PAUSE)
    assert isinstance(desk.waiting.take(ANN, first), str)


def test_codes_are_four_digits() -> None:
    codes = {four_digits() for _ in range(200)}
    assert all(len(code) == 4 and code.isdigit() for code in codes)
    assert len(codes) > 150
