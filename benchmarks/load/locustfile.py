"""Programs that read the gateway: each keeps a connection, and asks once in so many seconds.

The address of the gateway is Locust's host; ``TOKEN`` and ``SECONDS`` are environment variables.
"""

import os
import random
import time

import gevent
from locust import FastHttpUser, task

_READS = {
    "/api/v1/deployments": 4,
    "/api/v1/positions": 4,
    "/api/v1/equity": 2,
    "/api/v1/fills": 2,
    "/api/v1/services": 2,
    "/api/v1/limits": 1,
    "/api/v1/approvals": 1,
    "/api/v1/hotlist": 1,
    "/api/v1/verdicts": 1,
    "/api/v1/metrics/strategy/1": 1,
    "/api/v1/audit/logs": 1,
}
_SECONDS = float(os.environ["SECONDS"])
_ROUND = [path for path, weight in _READS.items() for _ in range(weight)]


class Program(FastHttpUser):
    """Asks one read after the other, each as often as its weight says."""

    def on_start(self) -> None:
        self._next = random.randrange(len(_ROUND))  # noqa: S311 - moments and an order
        self._moment = time.monotonic() + random.uniform(0.0, _SECONDS)  # noqa: S311
        gevent.sleep(self.until_moment())

    def wait_time(self) -> float:
        """Seconds to its next moment: Locust's own pace counts from when users are made, many at once."""
        self._moment += _SECONDS
        return self.until_moment()

    def until_moment(self) -> float:
        """Seconds that are left, zero where it is late."""
        return max(0.0, self._moment - time.monotonic())

    @task
    def read(self) -> None:
        """Ask the next one."""
        path, self._next = _ROUND[self._next], (self._next + 7) % len(_ROUND)
        self.client.get(path, headers={"Authorization": f"Bearer {os.environ['TOKEN']}"})
