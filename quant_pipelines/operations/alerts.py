"""What people were told: listed, acknowledged, and tried out."""

from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import ConfigurationError, LifecycleError, UnknownRow
from quant_pipelines.core.settings import Settings
from quant_pipelines.notify.channels import channels_of
from quant_pipelines.notify.courier import Parcel, deliver
from quant_pipelines.notify.dispatch import rules_of
from quant_pipelines.notify.message import Notice, message_of
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.store import alert_deliveries as store
from quant_pipelines.store import audit
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert, add_alert

_MOST = 200
_TEST = "test"


def list_alerts(engine: Engine, *, only_open: bool = False) -> list[dict[str, Any]]:
    """List the newest alerts first: each row of ``ops.alerts`` with its ``deliveries``.

    Parameters
    ----------
    engine
        Product database.
    only_open
        Leave out what is over, and what a person acknowledged.
    """
    with transaction(engine) as connection:
        return store.read_alerts(connection, limit=_MOST, only_open=only_open)


def acknowledge_alert(engine: Engine, signature: Signature, *, alert_id: int, clock: Clock) -> Receipt:
    """Note that a person knows an alert: nobody else is told of it.

    Raises
    ------
    LifecycleError
        If there is no such alert, or somebody acknowledged it before.
    """
    subject = f"alert:{alert_id}"
    with transaction(engine) as connection:
        before = store.acknowledge(connection, alert_id, signature.operator, clock_time(clock))
        if before is None:
            raise UnknownRow(f"alert {alert_id} does not exist; expected an id that quant alerts lists")
        if before["acknowledged_by"]:
            raise LifecycleError(f"alert {alert_id} is known to {before['acknowledged_by']} already")
        detail = {"reason": signature.reason, "source": before["source"], "message": before["message"]}
        audit_id = audit.append(connection, signature.operator, "alert.acknowledged", subject, detail)
    return Receipt("alert.acknowledged", subject, f"{subject} is known: {before['message']}", audit_id)


def try_channels(engine: Engine, settings: Settings, signature: Signature, *, clock: Clock) -> Receipt:
    """Send one alert through every channel at once, whatever its severity and the hour.

    Raises
    ------
    ConfigurationError
        If there is no channel, or one did not take it; the sentence says which ones did.
    """
    channels = channels_of(settings.alerts.channels)
    if not channels:
        raise ConfigurationError(
            "alerts.channels is empty; expected at least one channel, such as phone halt tgram://token/chat"
        )
    now = clock_time(clock)
    alert = Alert("info", _TEST, f"test by {signature.operator}: {signature.reason}", now)
    with transaction(engine) as connection:
        alert_id = add_alert(connection, alert)
        rows = [{"channel": one.name, "wait_minutes": 0, "due_at": now} for one in channels]
        # Over from the start: this command sends it, and nobody else does.
        store.plan(connection, alert_id, rows, "over", now)
    told = message_of([Notice(alert_id, *alert[:4])], rules_of(settings.alerts).templates)
    outcomes = deliver([Parcel(channel, told) for channel in channels])
    return _tested(engine, signature, outcomes, alert_id, clock_time(clock))


def _tested(
    engine: Engine,
    signature: Signature,
    outcomes: dict[str, str],
    alert_id: int,
    now: datetime,
) -> Receipt:
    with transaction(engine) as connection:
        store.record_test(connection, alert_id, outcomes, now)
        detail = {"reason": signature.reason, "outcomes": outcomes}
        audit_id = audit.append(connection, signature.operator, "alerts.tested", f"alert:{alert_id}", detail)
    arrived = [name for name, error in outcomes.items() if not error]
    failed = [f"{name} ({error})" for name, error in outcomes.items() if error]
    if failed:
        what = f"it arrived through {', '.join(arrived)}" if arrived else "it arrived nowhere"
        raise ConfigurationError(f"the test alert failed through {', '.join(failed)}; {what}")
    return Receipt("alerts.tested", f"alert:{alert_id}", f"it arrived through {', '.join(arrived)}", audit_id)
