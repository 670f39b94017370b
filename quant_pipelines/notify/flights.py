"""Messages on their way: one for each channel at most, so that one that hangs holds up no other."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import NamedTuple, TypeAlias

from quant_pipelines.notify.courier import Parcel
from quant_pipelines.store.alert_deliveries import DueDelivery

Deliver: TypeAlias = Callable[[Sequence[Parcel]], dict[str, str]]


class Flight(NamedTuple):
    """A message that was handed over.

    Parameters
    ----------
    channel
        To whom.
    due
        What it tells.
    outcome
        What went wrong, once it is known; empty where it arrived.
    """

    channel: str
    due: list[DueDelivery]
    outcome: "Future[str]"


class Flights:
    """Sends each parcel in a thread of its own.

    Parameters
    ----------
    send
        Sends messages.
    """

    def __init__(self, send: Deliver) -> None:
        self._send = send
        self._flying: dict[str, Flight] = {}

    @property
    def channels(self) -> frozenset[str]:
        """Who waits for a message that was handed over."""
        return frozenset(self._flying)

    def hand_over(self, parcel: Parcel, due: list[DueDelivery]) -> None:
        """Hand a message over."""
        name, outcome = parcel.channel.name, Future[str]()
        self._flying[name] = Flight(name, due, outcome)
        threading.Thread(target=self._fly, args=(parcel, outcome), daemon=True).start()

    def landed(self, channels: frozenset[str], seconds: float | None) -> list[Flight]:
        """Those whose outcome is known, after a wait for some channels of at most so many seconds.

        Each is told again until it is forgotten.
        """
        wait([self._flying[name].outcome for name in channels], seconds)
        return [one for one in self._flying.values() if one.outcome.done()]

    def forget(self, flight: Flight) -> None:
        """Forget one whose outcome is noted."""
        del self._flying[flight.channel]

    def _fly(self, parcel: Parcel, outcome: "Future[str]") -> None:
        try:
            outcome.set_result(self._send([parcel])[parcel.channel.name])
        except Exception as error:  # noqa: BLE001 - whoever asks for the outcome gets it
            outcome.set_exception(error)
