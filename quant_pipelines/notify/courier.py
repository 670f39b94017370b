"""Hands messages to a child process that posts them, and waits no longer than it should."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from quant_pipelines.notify.channels import Channel
from quant_pipelines.notify.message import Message

POST_SECONDS = 20.0
"""How long one service may take."""
_NO_ANSWER = "no answer in time"


class Parcel(NamedTuple):
    """A message for a channel; without one its URL is only read."""

    channel: Channel
    message: Message | None


def deliver(parcels: Sequence[Parcel]) -> dict[str, str]:
    """Send each parcel; one that fails or hangs keeps none of the others from being sent.

    Returns
    -------
    dict
        Channel to what went wrong, without any secret; empty where it arrived.
    """
    if not parcels:
        return {}
    asked = {"timeout_seconds": POST_SECONDS, "parcels": [_document(one) for one in parcels]}
    outcomes = {parcel.channel.name: _NO_ANSWER for parcel in parcels}
    for line in _answers(json.dumps(asked), POST_SECONDS * 2).splitlines():
        answer = json.loads(line)
        outcomes[answer["channel"]] = answer["error"]
    return outcomes


def faults(channels: Sequence[Channel]) -> dict[str, str]:
    """Return what Apprise has against each channel, asked without sending anything; empty where nothing."""
    return deliver([Parcel(channel, None) for channel in channels])


def _answers(asked: str, timeout_seconds: float) -> str:
    # The URLs are on stdin, where no list of processes shows them; what a service prints is not ours to show.
    with (
        _lifeline() as lifeline,
        subprocess.Popen(
            (sys.executable, "-P", "-m", "quant_pipelines.notify.post", str(lifeline)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            pass_fds=(lifeline,),
        ) as child,
    ):
        try:
            told, _ = child.communicate(asked, timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            told, _ = child.communicate()
    return told


@contextmanager
def _lifeline() -> Iterator[int]:
    """Descriptor at which a child sees that this process has ended, whatever has ended it."""
    theirs, ours = os.pipe()
    try:
        yield theirs
    finally:
        os.close(ours)
        os.close(theirs)


def _document(parcel: Parcel) -> dict[str, Any]:
    message = parcel.message._asdict() if parcel.message else None
    return {"channel": parcel.channel.name, "url": parcel.channel.url, "message": message}
