"""A decision of a whole set that was prevented when its bars were booked, taken once nothing hinders it.

As with one book: while those bars are the newest. All legs decide then, or none.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from live_runner.book.all_or_none import all_or_none
from live_runner.book.asking import DueQuestion
from live_runner.book.decision import Moment
from live_runner.book.leg import LegTrader, Prepared
from live_runner.book.panel_question import Answers
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.journal import Journal


class LateStep:
    """The newest decision of some legs, after their close.

    Parameters
    ----------
    journal
        Rows of the runner.
    legs
        All of the set that are traded.
    moment
        Of the decision; its close is each leg's newest.
    now_ms
        Time at the exchange, milliseconds UTC.
    """

    def __init__(self, journal: Journal, legs: Sequence[LegTrader], moment: Moment, now_ms: int) -> None:
        self._journal = journal
        self._legs = legs
        self._moment = moment
        self._now_ms = now_ms

    def first_question(self) -> DueQuestion | None:
        """Return what the strategy is to be asked, if a decision may be taken now."""
        with ExitStack() as held:
            for leg in self._legs:
                held.enter_context(leg.alone())
            due = [leg.late_question(self._moment, self._now_ms) for leg in self._late()]
            return next((question for question in due if question is not None), None)

    def take(self, answers: Answers | None) -> None:
        """Decide, and commit what all legs do at once."""
        answers = answers or {}
        with ExitStack() as held:
            for leg in self._legs:
                broker = held.enter_context(leg.alone())
                if leg.id in answers:
                    broker.learn(answers[leg.id].target)
            late = self._late()
            closes = {leg.id: leg.booked_until_ms for leg in late}
            decided = {
                leg.id: leg.decide_after(self._moment, self._now_ms, answers.get(leg.id)) for leg in late
            }
            decided = dict(all_or_none(late, decided, closes))
            done = {leg: leg.late_booking(one) for leg in late if (one := decided[leg.id]) is not None}
            if done:
                self._commit(done)

    def _late(self) -> list[LegTrader]:
        """Legs whose newest decision was prevented, if nothing prevents it now."""
        late = [leg for leg in self._legs if leg.is_prevented]
        waiting = [leg for leg in late if leg.has_to_wait(self._now_ms)]  # of all: each notes what hinders it
        return [] if waiting else late

    def _commit(self, done: Mapping[LegTrader, Prepared]) -> None:
        first, *others = (one.booking for one in done.values())
        epoch = self._moment.epoch
        self._journal.book_decision(epoch, first, from_ms(self._now_ms), others)
        for leg, one in done.items():
            leg.settle(one, leg.booked_until_ms, self._now_ms)
