"""A gateway on a port, for those who speak to it from outside of this process."""

import threading
import time
from typing import Any

import uvicorn

from quant_pipelines.stack.ports import free_port


class ServedGate:
    """Serves a gate in a thread, between start and stop.

    Parameters
    ----------
    gate
        The gateway and its people.
    more
        Routers beside its own.
    """

    def __init__(self, gate: Any, *more: Any) -> None:
        self.gate = gate
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        application = gate.application(*more)
        settings = uvicorn.Config(application, port=port, log_level="critical", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(settings)
        self.thread = threading.Thread(target=self.server.run)

    def start(self) -> None:
        """Serve, and return when it does."""
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive()
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop serving."""
        self.server.should_exit = True
        self.thread.join(20)
