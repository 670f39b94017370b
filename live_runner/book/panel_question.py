"""The one question of an instrument set: all bars of a close, asked once for all legs."""

from collections.abc import Mapping, Sequence

from live_runner.book.asking import Answer, DueQuestion, StrategyQuestion
from live_runner.book.leg import LegTrader
from live_runner.book.waits import BarMissed
from quant_pipelines.core.panel import panel_of
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.strategy import Strategy, target_of

Answers = Mapping[int, Answer]
"""What the strategy has answered, by leg."""


def ask_legs(legs: Sequence[LegTrader], wanted: DueQuestion) -> Answers:
    """Ask the strategy once for all legs.

    Raises
    ------
    BarMissed
        If it does not answer; every leg knows by then.
    """
    first = legs[0]
    try:
        with first.asking(wanted.close_ms, is_wanted=lambda: not any(leg.has_left for leg in legs)):
            questions = [leg.inputs.question(wanted.close_ms) for leg in legs]
            answers = ask_together(first.plan.strategy, questions)
    except BarMissed:
        for leg in legs:
            leg.miss_as(first)
        raise
    return dict(zip((leg.id for leg in legs), answers, strict=True))


def ask_together(strategy: Strategy, questions: Sequence[StrategyQuestion]) -> list[Answer]:
    """Ask a strategy about all bars of a set once; returns the answer for each leg, in their order.

    Raises
    ------
    StrategyError
        If it fails.
    """
    panel = panel_of([question.bars for question in questions])
    target, scales = target_of(strategy, panel), scales_of(strategy, panel)
    return [
        Answer(
            question,
            float(panel.own(k, target)[-1]),
            {name: panel.own(k, factor) for name, factor in scales.items()},
        )
        for k, question in enumerate(questions)
    ]
