"""Child process that posts messages by Apprise: ``python -P -m quant_pipelines.notify.post [DESCRIPTOR]``.

It reads one JSON document on stdin and writes one line of JSON for each parcel as soon as it is known how it
went. Apprise loads every service that it knows: here only for as long as a message takes; a service that
hangs is ended with this process. It ends at once with whoever asked, when the other end of the pipe at the
descriptor closes: nobody would note what arrives later, so that it is told again.
"""

import json
import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from apprise import Apprise
from apprise.result import AppriseResultStatus

_HTTP_STATUS = re.compile(r"\berror=(\d{3})\b")
_CAUSES = (
    ("connection error", "no connection to its host"),
    ("authentication", "it takes no such user, password or token"),
    ("timed out", "its host is silent"),
)
"""Words of a service by which a cause is known, and ours: what it says itself may hold a secret."""
UNUSABLE = (
    "Apprise does not know such a URL; expected one such as tgram://token/chat or mailto://user:password@host"
)


def outcome(parcel: dict[str, Any], timeout_seconds: float) -> str:
    """Post one parcel, or only read its URL where it has no message; what went wrong, or nothing.

    ``notify`` answers an object of which only the attempts tell what arrived: a URL with ``optional=yes``
    counts as a success whatever happens.
    """
    service = Apprise.instantiate(parcel["url"])
    if service is None:
        return UNUSABLE
    if parcel["message"] is None:
        return ""
    post = Apprise()
    post.add(service)
    result = post.notify(**parcel["message"], timeout=timeout_seconds)
    attempts = [attempt for one in result.results for attempt in one.attempts]
    if attempts and attempts[-1].status == AppriseResultStatus.SUCCESS:
        return ""
    told = " ".join(str(getattr(entry, "message", entry)) for one in result.results for entry in one.logs())
    status = _HTTP_STATUS.search(told)
    name = attempts[-1].status.name if attempts else AppriseResultStatus(result.status).name
    cause = f"HTTP {status[1]}" if status else cause_of(told)
    return f"{name.lower()}, {cause}" if cause else name.lower()


def cause_of(told: str) -> str:
    """Why a message did not arrive, as far as a service's words tell; empty if they tell nothing known.

    Examples
    --------
    >>> cause_of("A Connection error occurred sending JSON notification to 127.0.0.1.")
    'no connection to its host'
    """
    return next((ours for theirs, ours in _CAUSES if theirs in told.lower()), "")


def _end_with(lifeline: int) -> None:
    """End this process, in the middle of whatever it does, once the pipe has no other end."""
    os.read(lifeline, 1)
    os._exit(1)


def main() -> None:
    """Post what stands on stdin."""
    if len(sys.argv) > 1:
        threading.Thread(target=_end_with, args=(int(sys.argv[1]),), daemon=True).start()
    asked, answers = json.load(sys.stdin), sys.stdout
    sys.stdout = sys.stderr  # a service that prints says nothing to whoever reads the answers
    parcels, seconds = asked["parcels"], asked["timeout_seconds"]
    with ThreadPoolExecutor(len(parcels)) as pool:  # one that hangs holds up no other
        posted = {pool.submit(outcome, parcel, seconds): parcel["channel"] for parcel in parcels}
        for one in as_completed(posted):
            fault = one.exception()  # a service that breaks takes no answer from the others
            error = one.result() if fault is None else f"its service broke: {type(fault).__name__}"
            answers.write(json.dumps({"channel": posted[one], "error": error}) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
