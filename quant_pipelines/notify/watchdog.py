"""Tells people what stands in ``ops.alerts``, and notices who falls silent: runner, data, database.

Two threads. One does everything that needs the database; the other looks at that one only, so that a database
which hangs is noticed like one that is gone, and says so without it.
"""

import logging
import threading
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine

from quant_pipelines.core.alert_settings import WatchdogSettings
from quant_pipelines.core.clock import Clock, clock_time, system_clock_ms
from quant_pipelines.core.errors import SchemaError, StoreError
from quant_pipelines.notify.courier import Parcel, deliver
from quant_pipelines.notify.dispatch import Dispatch, Rules
from quant_pipelines.notify.flights import Deliver
from quant_pipelines.notify.message import Message, Notice, message_of
from quant_pipelines.notify.silence import Watched
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert, Heartbeat, write_heartbeat
from quant_pipelines.store.outages import follow_standing
from quant_pipelines.store.signs_of_life import BACKUP, heard_at, newest_minute_at
from quant_pipelines.telemetry.record import count

SERVICE: Final = "watchdog"
_RUNNER = "live_runner"
_CHANNEL = "channel"
_ROUND_SECONDS = 3.0
_PATIENCE_SECONDS = 2.0
_LOOK_SECONDS = 1.0
_FINISH_SECONDS = 10.0
_STOP_SECONDS = 15.0
_AGAIN = timedelta(seconds=60)
_MINUTE = timedelta(minutes=1)

_log = logging.getLogger(__name__)


class Watchdog:
    """Runs until it is asked to stop.

    Parameters
    ----------
    engine
        Product database.
    rules
        Who is told what.
    settings
        How long each may be silent.
    clock
        This machine's time.
    send
        Sends messages.
    """

    def __init__(
        self,
        engine: Engine,
        rules: Rules,
        settings: WatchdogSettings,
        clock: Clock = system_clock_ms,
        send: Deliver = deliver,
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._settings = settings
        self._clock = clock
        self._send = send
        self._dispatch = Dispatch(engine, rules, clock, send)
        self._began_at = clock_time(clock)
        self._asking_since: datetime | None = None
        self._broken: Exception | None = None
        self._outage: Alert | None = None
        self._untold: dict[str, datetime] = {}

    def run(self, stopping: threading.Event) -> None:
        """Watch and tell.

        Raises
        ------
        SchemaError
            If the database has another schema than this code.
        """
        # A thread that hangs in a query must not keep the process from ending.
        asking = threading.Thread(target=self._ask, args=(stopping,), daemon=True)
        asking.start()
        while not stopping.wait(_LOOK_SECONDS) and self._broken is None:
            self.look_at_database()
        stopping.set()
        # A message that is on its way is waited for; a question to a database that hangs is not.
        asking.join(_STOP_SECONDS if self._asking_since is None else _LOOK_SECONDS)
        if self._broken is not None:
            raise self._broken

    def _ask(self, stopping: threading.Event) -> None:
        has_proven = False
        while not stopping.is_set():
            try:
                if not has_proven:
                    self.prove_channels()
                    has_proven = True
                self.round()
            except SchemaError as error:
                self._broken = error
            except StoreError as error:
                _log.warning("the database does not answer: %s", error)
            except Exception as error:
                self._broken = error
                raise
            stopping.wait(_ROUND_SECONDS)
        if self._broken is None:
            with suppress(StoreError):
                self._dispatch.finish(_FINISH_SECONDS)

    def prove_channels(self) -> None:
        """Say of each channel whose URL can't be used that nobody is told through it, until that is mended.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        now = clock_time(self._clock)
        outcomes = self._send([Parcel(channel, None) for channel in self._rules.channels])
        unusable = {name: fault for name, fault in outcomes.items() if fault}
        for name, fault in unusable.items():
            _log.warning("channel %s: %s", name, fault)
        found = [
            Alert("warning", f"{_CHANNEL}:{name}", f"nobody is told through channel {name}: {fault}", now)
            for name, fault in unusable.items()
        ]
        follow_standing(self._engine, _CHANNEL, found, now)

    def round(self) -> None:
        """Look once at who is silent, and tell what is due.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        now = clock_time(self._clock)
        self._asking_since = self._asking_since or now
        with transaction(self._engine) as connection:
            watched = self._watched(connection)
        self._asking_since = None
        self._note_return(now)
        for one in watched:
            alarm = one.alarm(self._began_at, now)
            # Neither silent for long enough nor heard of: what an earlier watch found goes on standing.
            if alarm or one.lives(now) or not one.seconds:
                follow_standing(self._engine, one.source, [alarm] if alarm else [], now)
        channels = [channel.name for channel in self._rules.channels]
        write_heartbeat(self._engine, Heartbeat(SERVICE, "watching", now, {"channels": channels}))
        self._dispatch.round(_PATIENCE_SECONDS)

    def _watched(self, connection: Connection) -> list[Watched]:
        """Who is watched; what never gave a sign of life is not missed."""
        own, found = self._settings, []
        runner_at, minute_at = heard_at(connection, _RUNNER), newest_minute_at(connection)
        backup_at = heard_at(connection, BACKUP)
        if runner_at is not None:
            sentence = "the runner has given no sign of life"
            found.append(Watched("runner", sentence, own.runner_seconds, runner_at))
        if minute_at is not None:
            sentence = "no closed minute of any whitelisted symbol has been stored"
            found.append(Watched("data", sentence, own.data_seconds, minute_at + _MINUTE))
        if backup_at is not None:
            sentence = "no backup has been made"
            found.append(Watched("backup", sentence, own.backup_seconds, backup_at, "warning"))
        return found

    def look_at_database(self) -> None:
        """Tell directly, once for each channel, that the database has been silent for too long."""
        now, since = clock_time(self._clock), self._asking_since
        if since is None:
            return
        sentence = "the database has not answered"
        alarm = Watched("database", sentence, self._settings.database_seconds, since).alarm(since, now)
        if alarm is None:
            return
        if self._outage is None:
            self._outage = alarm
            self._untold = {one.name: now for one in self._rules.channels if one.takes(alarm.severity)}
        due = [one for one in self._rules.channels if one.name in self._untold]
        parcels = [Parcel(one, self._words(alarm)) for one in due if self._untold[one.name] <= now]
        for name, error in self._send(parcels).items():
            count("quant_alerts_sent_total", channel=name, outcome="failed" if error else "sent")
            if error:
                _log.warning("channel %s: %s", name, error)
                self._untold[name] = now + _AGAIN
            else:
                del self._untold[name]

    def _words(self, alert: Alert) -> Message:
        told = Notice(0, alert.severity, alert.source, alert.message, alert.at)
        return message_of([told], self._rules.templates)

    def _note_return(self, now: datetime) -> None:
        """Write the outage of the database down once it is over; that it is over is told by its row."""
        if self._outage is not None:
            for standing in ([self._outage], []):  # it began, and it is over
                follow_standing(self._engine, self._outage.source, standing, now)
            self._outage = None
