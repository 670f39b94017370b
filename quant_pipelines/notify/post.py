"""Child process that posts messages by Apprise: ``python -P -m quant_pipelines.notify.post``.

It reads one JSON document on stdin and writes one line of JSON for each parcel as soon as it is known how it
went. Apprise loads every service that it knows: here only for as long as a message takes; a service that
hangs is ended with this process.
"""

import json
import re
import sys
from typing import Any

from apprise import Apprise
from apprise.result import AppriseResultStatus

_HTTP_STATUS = re.compile(r"\berror=(\d{3})\b")
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
    return f"{name.lower()}, HTTP {status[1]}" if status else name.lower()


def main() -> None:
    """Post what stands on stdin."""
    asked, answers = json.load(sys.stdin), sys.stdout
    sys.stdout = sys.stderr  # a service that prints says nothing to whoever reads the answers
    for parcel in asked["parcels"]:
        answer = {"channel": parcel["channel"], "error": outcome(parcel, asked["timeout_seconds"])}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
