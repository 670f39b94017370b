"""A relay of TCP between two processes, whose connections break as a network's do."""

import contextlib
import socket
import struct
import threading

_RESET = struct.pack("ii", 1, 0)
_PIECE = 1 << 16


class Relay:
    """Hands on what is said on a loopback port of its own to another one, until it is closed."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._pairs = list[tuple[socket.socket, socket.socket]]()
        self._is_mute = False
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> None:
        """Break every connection, on both sides, by a reset."""
        self._is_mute = False
        pairs, self._pairs = self._pairs, []
        for one in (one for pair in pairs for one in pair):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def mute(self) -> None:
        """Lose all answers from now on to the next reset: what is asked is done, and nobody hears of it."""
        self._is_mute = True

    def close(self) -> None:
        """End it."""
        self._listening.close()
        self.reset()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self._pairs.append((near, far))
            for one, other, is_answer in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pump, args=(one, other, is_answer), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket, is_answer: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := one.recv(_PIECE):
                if not (is_answer and self._is_mute):
                    other.sendall(piece)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
