"""Steps that need an answer: asked for between two of them, and again where another decision is due."""

import numpy as np
import pytest

from live_runner.book.asking import Answer, DueQuestion, StrategyQuestion, Unanswered, answered, ask
from live_runner.book.waits import BarMissed
from quant_pipelines.sdk import Bars, Float, Stops, Strategy

BARS = Bars.of_closes([100.0, 101.0, 102.0])


class Rising(Strategy):
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2))

    def target(self, bars: Bars) -> np.ndarray:
        return np.linspace(0.0, 0.5, len(bars))

    def stop_scales(self, bars: Bars) -> dict[str, np.ndarray]:
        return {"hard_stop": np.full(len(bars), 2.0)}


def question_at(close_ms: int) -> StrategyQuestion:
    return StrategyQuestion(close_ms, BARS, {})


class Steps:
    """A book whose due decision moves on while it is asked for; notes what was asked and what was taken."""

    def __init__(self, *due_at: int, misses: int = 0) -> None:
        self.due_at, self.misses = list(due_at), misses
        self.asked, self.taken = list[int](), list[int | None]()

    def ask(self, question: DueQuestion) -> Answer:
        self.asked.append(question.close_ms)
        if self.misses:
            self.misses -= 1
            raise BarMissed
        return Answer(question_at(question.close_ms), 1.0, {})

    def step(self, answer: Answer | None) -> None:
        if answer is not None and self.due_at and answer.question.close_ms != self.due_at[0]:
            raise Unanswered(DueQuestion(self.due_at.pop(0)))
        self.taken.append(None if answer is None else answer.question.close_ms)


def test_a_question_is_asked_of_all_bars_and_answered_by_the_newest_target_and_all_factors() -> None:
    answer = ask(Rising(), question_at(7))
    assert (answer.question.close_ms, answer.target) == (7, 0.5)
    assert answer.scales["hard_stop"].tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("steps", "first", "asked", "taken"),
    [
        (Steps(), None, [], [None]),
        (Steps(1), 1, [1], [1]),
        (Steps(2), 1, [1, 2], [2]),
        (Steps(misses=1), 1, [1], [None]),
        (Steps(2, 3), 1, [1, 2, 3], [3]),
    ],
)
def test_a_step_is_taken_once_and_with_the_answer_that_is_due(
    steps: Steps, first: int | None, asked: list[int], taken: list[int | None]
) -> None:
    answered(steps.step, None if first is None else DueQuestion(first), steps.ask)
    assert (steps.asked, steps.taken) == (asked, taken)


def test_what_a_strategy_raises_ends_the_step_before_anything_is_booked() -> None:
    taken = list[Answer | None]()

    def fail(_question: DueQuestion) -> Answer:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answered(taken.append, DueQuestion(1), fail)
    assert taken == []
