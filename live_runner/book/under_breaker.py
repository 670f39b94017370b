"""What a deployment may do: the events that stand for it, its limits, and the stage that it may have left."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from live_runner.book.approval import Relations
from live_runner.book.plan import DeploymentPlan
from quant_pipelines.trading import TradingRules
from quant_pipelines.trading.breaker import Breaker, Event, TradingState, Trip, decides
from quant_pipelines.trading.trips import Looked, found


class UnderBreaker(ABC):
    """A deployment that its breaker stops.

    Parameters
    ----------
    plan
        Its row, and what that means.
    relations
        Who tells of signs and of breaches.
    """

    def __init__(self, plan: DeploymentPlan, relations: Relations) -> None:
        self.plan = plan
        self._relations = relations
        self._rules = plan.rules
        self._breaker = Breaker()
        self.n_trips = 0
        self.is_leaving = plan.deployment.is_leaving

    @property
    def rules(self) -> TradingRules:
        """Rules with the limits in force."""
        return self._rules

    @property
    def state(self) -> TradingState:
        """What the breaker allows."""
        return self.breaker.state

    @property
    def breaker(self) -> Breaker:
        """Every event that stands now; what ends by itself is looked at anew."""
        limits, deployment_id = self._rules.limits, self.plan.deployment.id
        breach = self._relations.gate.breach(deployment_id, limits)
        looked = Looked(self._relations.signs(), limits.max_data_age_seconds, breach)
        return self._breaker.seeing(found(looked))

    @property
    def is_halted(self) -> bool:
        """Whether it books bars without deciding on them."""
        return not decides(self._breaker.state)

    @property
    def must_flatten(self) -> bool:
        """Whether what is held is closed: at the next bar, or by whoever talks to the venue.

        What left its stage decides on that by itself, unless it is halted; what a person froze is held.
        """
        breaker = self._breaker
        return breaker.closes or (self.is_leaving and self.is_halted and "frozen" not in breaker.events)

    @property
    def closes_for(self) -> Event | None:
        """Event that closes what is held; None while nothing does, or a person asked for it."""
        return self._breaker.closes_for

    @property
    def books(self) -> bool:
        """Whether closed bars are booked: not once that failed without decisions, too."""
        return self._breaker.books

    def limit(self, limits: dict[str, dict[str, float]]) -> None:
        """Trade within the tightest of the deployment's own limits and those that operators set."""
        self._rules = self.plan.rules_within(limits)

    def follow(self, stored: Iterable[Trip]) -> None:
        """Follow the events that stand in the database, or go on once they are resolved."""
        was_halted = self.is_halted
        self._breaker = self._breaker.following(stored)
        if was_halted and not self.is_halted:
            self.outdate()

    def trip(self, trip: Trip) -> None:
        """Stop what an event stops, before it is read in the database."""
        self.n_trips += 1
        self._breaker = self._breaker.tripped(trip)
        self.outdate()

    @abstractmethod
    def outdate(self) -> None:
        """Have the rows read again: what stands has changed, or somebody else may have booked something."""
