"""One round of telling: plan what is new, take what is due, send it, note what became of it.

Every step is a transaction of its own, and none is open while a message is on its way. A channel that hangs
is left alone until its message has an outcome; the others go on.
"""

import logging
from collections import defaultdict
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from quant_pipelines.core.alert_settings import AlertSettings
from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.notify.channels import Channel, channels_of
from quant_pipelines.notify.courier import POST_SECONDS, Parcel, deliver
from quant_pipelines.notify.flights import Deliver, Flight, Flights
from quant_pipelines.notify.message import Message, Notice, Templates, message_of
from quant_pipelines.notify.quiet_hours import quiet_hours_of
from quant_pipelines.notify.route import CHANNEL_SCOPE, MOST_TRIES, Hush, legs, pause_after
from quant_pipelines.store import alert_deliveries as store
from quant_pipelines.store.alert_deliveries import DueDelivery
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.outages import follow_standing
from quant_pipelines.telemetry.record import count

_OLD = timedelta(hours=1)
"""What is over and older than this is told nobody who hears of it only now."""

_LEASE = timedelta(seconds=3 * POST_SECONDS)
"""How long nobody else takes what was taken: a message has an outcome within two of the three."""

_log = logging.getLogger(__name__)


class Rules(NamedTuple):
    """The settings of the alerts, read.

    Parameters
    ----------
    channels
        Where alerts go, in their order.
    templates
        How they read.
    hush
        Which ones wait for the end of the quiet hours.
    window
        In which the same is told once.
    """

    channels: tuple[Channel, ...]
    templates: Templates
    hush: Hush
    window: timedelta


def rules_of(settings: AlertSettings) -> Rules:
    """Read the settings.

    Raises
    ------
    ConfigurationError
        If a channel or the quiet hours are malformed.
    """
    return Rules(
        channels_of(settings.channels),
        Templates(settings.title, settings.body),
        Hush(quiet_hours_of(settings.quiet_hours), settings.quiet_below),
        timedelta(minutes=settings.same_minutes),
    )


class Dispatch:
    """Tells what stands in ``ops.alerts``; several processes may do so side by side.

    Parameters
    ----------
    engine
        Product database.
    rules
        Who is told what.
    clock
        This machine's time.
    send
        Sends messages.
    """

    def __init__(self, engine: Engine, rules: Rules, clock: Clock, send: Deliver = deliver) -> None:
        self._engine = engine
        self._rules = rules
        self._clock = clock
        self._flights = Flights(send)

    def round(self, seconds: float | None = None) -> int:
        """Tell everything that is due.

        Parameters
        ----------
        seconds
            How long its own messages are waited for; a later round notes what became of the others.

        Returns
        -------
        int
            Messages that were sent or tried.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        by_channel = self._taken()
        for channel in self._rules.channels:
            if channel.name in by_channel:
                due = by_channel[channel.name]
                self._flights.hand_over(Parcel(channel, self._message(due)), due)
        self._note(self._flights.landed(frozenset(by_channel), seconds))
        return len(by_channel)

    def finish(self, seconds: float) -> None:
        """Wait for what is on its way, and note what became of it; what takes longer is told again later.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        self._note(self._flights.landed(self._flights.channels, seconds))

    def _note(self, landed: list[Flight]) -> None:
        # What has arrived is noted before an error of another channel ends this process, or it is told again.
        for flight in sorted(landed, key=lambda one: one.outcome.exception() is not None):
            self._record(flight.channel, flight.due, flight.outcome.result())
            self._flights.forget(flight)

    def _taken(self) -> dict[str, list[DueDelivery]]:
        now = clock_time(self._clock)
        flying = self._flights.channels
        names = [channel.name for channel in self._rules.channels if channel.name not in flying]
        lease = now + _LEASE
        found: dict[str, list[DueDelivery]] = defaultdict(list)
        with transaction(self._engine) as connection:
            self._plan(connection, now)
            store.end_known(connection)
            for due in store.claim(connection, names, now, lease):
                found[due.channel].append(due)
        return found

    def _plan(self, connection: Connection, now: datetime) -> None:
        if not self._rules.channels:
            return  # whoever has channels, now or later, tells what stands then
        for alert in store.unrouted(connection, now - _OLD):
            planned = legs(alert.severity, alert.source, self._rules.channels, self._rules.hush, now)
            again = store.was_said(connection, alert, alert.at - self._rules.window)
            rows = [leg._asdict() for leg in planned]
            store.plan(connection, alert.id, rows, "duplicate" if again else "waiting", now)

    def _message(self, due: list[DueDelivery]) -> Message:
        told = [
            Notice(one.alert_id, one.severity, one.source, one.message, one.at, one.resolved_at)
            for one in due
        ]
        return message_of(told, self._rules.templates)

    def _record(self, channel: str, due: list[DueDelivery], error: str) -> None:
        """Note what became of a message; a channel that fails is an alert itself, until it delivers again."""
        now = clock_time(self._clock)
        count("quant_alerts_sent_total", channel=channel, outcome="failed" if error else "sent")
        with transaction(self._engine) as connection:
            if not error:
                store.record_delivered(connection, [one.id for one in due], now)
            else:
                for one in due:
                    store.record_failed(connection, one.id, error, self._again(one, now))
                store.hurry(connection, [one.alert_id for one in due], now)
        if error:
            _log.warning("channel %s: %s", channel, error)
        source = f"{CHANNEL_SCOPE}:{channel}"
        message = f"channel {channel} did not take alert {due[0].alert_id}: {error}; it is tried again"
        failing = [Alert("warning", source, message, now)] if error else []
        follow_standing(self._engine, source, failing, now)

    def _again(self, one: DueDelivery, now: datetime) -> datetime | None:
        if one.tries >= MOST_TRIES:
            return None
        return self._rules.hush.due(one.severity, now + pause_after(one.tries))
