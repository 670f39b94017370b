"""What a strategy is asked and what it has answered: values, so that nobody holds its book meanwhile."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from live_runner.book.sitting import Sat, Sitting, sit
from live_runner.book.waits import BarMissed
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.strategy import Strategy, target_of

Given = TypeVar("Given")
"""Answer to a question: that of one book, or those of all legs of a set."""


class StrategyQuestion(NamedTuple):
    """The strategy's bars that have closed by a decision's close, milliseconds UTC, with its inputs.

    ``told`` is what is journaled of the inputs; ``sitting`` the copy of its desk, of an event strategy.
    """

    close_ms: int
    bars: Bars
    told: Mapping[str, Any]
    sitting: Sitting | None = None


class Answer(NamedTuple):
    """Target after the question's last bar, and the factors on its stops at each bar.

    ``sat`` is what an event strategy did instead; None also where the data was too old to ask it.
    """

    question: StrategyQuestion
    target: float
    scales: Mapping[str, FloatArray]
    sat: Sat | None = None


class DueQuestion(NamedTuple):
    """Close that is to be decided on, milliseconds UTC, and the copy of an event strategy's desk.

    What else belongs to the question is read while nobody holds the book: the database may be slow.
    ``stops_first`` tells that the book's stops do something at that close, which waits for no answer.
    """

    close_ms: int
    sitting: Sitting | None = None
    stops_first: bool = False


class Unanswered(Exception):
    """A decision is due, and the strategy was asked about another one or none."""

    def __init__(self, question: DueQuestion) -> None:
        super().__init__(f"the decision at {question.close_ms} is due")
        self.question = question


def ask(strategy: Strategy, question: StrategyQuestion) -> Answer:
    """Ask a strategy, which may take seconds.

    Raises
    ------
    StrategyError
        If it fails.
    """
    if question.sitting is not None:
        sat = sit(strategy, question.sitting, question.close_ms, question.bars)
        return Answer(question, 0.0, {}, sat)
    target = float(target_of(strategy, question.bars)[-1])
    return Answer(question, target, scales_of(strategy, question.bars))


def unasked(question: StrategyQuestion) -> Answer:
    """Return what stands for the answer of a strategy that is not asked: it wants to be flat."""
    return Answer(question, 0.0, {})


def answered(
    step: Callable[[Given | None], None],
    question: DueQuestion | None,
    ask: Callable[[DueQuestion], Given],
) -> None:
    """Take a step of a book with the answer that it needs, which is asked for while nobody holds the book.

    Parameters
    ----------
    step
        Holds the book. Raises `Unanswered` where another decision is due than the one that was asked about.
    question
        What is due, as far as is known before; None for nothing.
    ask
        Reads and asks. Raises `BarMissed` where the strategy does not answer; the step is taken without it.
    """
    while True:
        try:
            answer = None if question is None else ask(question)
        except BarMissed:
            answer = None
        try:
            return step(answer)
        except Unanswered as due:
            question = due.question
