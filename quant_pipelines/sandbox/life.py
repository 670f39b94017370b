"""One life of the confined process: started, asked with the time that is left, ended."""

import subprocess
import time
from pathlib import Path

from quant_pipelines.core.errors import StrategyMissed
from quant_pipelines.sandbox.start import start
from quant_pipelines.sandbox.wire import Frame, packed, read_frame


class Life:
    """The process, and our end of its socket; used by one thread at a time.

    Parameters
    ----------
    module
        What it runs: ``worker`` or ``trial``.
    folder
        Empty; it lives there.
    megabytes
        Of address space.
    """

    def __init__(self, module: str, folder: Path, megabytes: int) -> None:
        self.child, self._socket = start(module, folder, str(megabytes))
        self._is_ready = False
        self._end_seconds, self._until = 0.0, 0.0

    def wait_ready(self, seconds: float) -> None:
        """Return once it is confined and listens."""
        if not self._is_ready:
            self._limit(seconds)
            self.read()
            self._is_ready = True

    def send(self, frame: Frame, seconds: float | None = None) -> None:
        """Send a question, which must be answered in so many seconds, or go on with one."""
        if seconds is not None:
            self._limit(seconds)
        try:
            self._socket.settimeout(self._left())
            self._socket.sendall(packed(*frame))
        except OSError as error:
            raise self._missed() from error

    def read(self) -> Frame:
        """Read what it says.

        Raises
        ------
        StrategyMissed
            If the time is over, or it has died.
        MalformedFrame
            If it says what can't be read.
        """
        return read_frame(self._read)

    def end(self) -> None:
        """End it; it holds nothing that is worth a farewell."""
        self.child.kill()
        self.child.wait()
        self._socket.close()

    def _read(self, size: int) -> bytearray:
        found = bytearray(size)
        view, at = memoryview(found), 0
        while at < size:
            try:
                self._socket.settimeout(self._left())
                n_read = self._socket.recv_into(view[at:])
            except OSError as error:
                raise self._missed() from error
            if not n_read:
                raise self._missed()
            at += n_read
        return found

    def _limit(self, seconds: float) -> None:
        self._end_seconds, self._until = seconds, time.monotonic() + seconds

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0.0:
            raise TimeoutError
        return left

    def _missed(self) -> StrategyMissed:
        if time.monotonic() >= self._until:
            return StrategyMissed(f"the strategy did not answer in {self._end_seconds:g} s")
        try:
            code = self.child.wait(1.0)
        except subprocess.TimeoutExpired:
            return StrategyMissed("the strategy's process closed its socket")
        return StrategyMissed(f"the strategy's process died (exit code {code})")
