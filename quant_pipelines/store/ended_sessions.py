"""Whether the server has ended a session that lies in a pool; no driver is needed to see it."""

import select
from collections.abc import Callable


def has_ended(descriptor: Callable[[], int], error: type[Exception]) -> bool:
    """Whether there is something to read, though nobody has asked: that costs no round trip, as a ping does.

    Parameters
    ----------
    descriptor
        The driver's: tells the number of the socket.
    error
        What it raises once the session is closed here.
    """
    try:
        waiting = select.poll()
        waiting.register(descriptor(), select.POLLIN)
        return bool(waiting.poll(0))
    except (error, OSError):
        return True
