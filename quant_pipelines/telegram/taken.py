"""Which updates were taken, in a file: none is carried out twice, and none is lost without a word.

An update is written down before it is acted on. What was begun when a crash came, and what was done without
that its answer could be sent, is told, not repeated.
"""

import json
import os
from pathlib import Path
from typing import Any, Final, NamedTuple

_MOST: Final = 200
"""Twice as many as one answer of Telegram holds: what is older was confirmed and does not come again."""
_MOST_UNTOLD: Final = 20


class Begun(NamedTuple):
    """A command that was begun: its sender, and its first word."""

    sender: int
    word: str


class TakenUpdates:
    """The record of one bot.

    Parameters
    ----------
    file
        Where it is kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ids: list[int] = []
        self.unfinished: list[Begun] = []
        """Commands whose outcome was not told yet, oldest first."""
        self.was_known = self._read()
        """Whether the record of the last start was there: without it, nothing from before this one counts."""

    def __contains__(self, update_id: int) -> bool:
        return update_id in self._ids

    def note_begin(self, update_id: int, begun: Begun) -> None:
        """Write down that a command is being carried out.

        Raises
        ------
        OSError
            If that can't be written; it is not to be carried out then.
        """
        self._ids = [*self._ids, update_id][-_MOST:]
        self.unfinished = [*self.unfinished, begun][-_MOST_UNTOLD:]
        self._write()

    def note_end(self) -> None:
        """Write down that the outcome of all that was begun was told.

        Raises
        ------
        OSError
            If that can't be written: a restart would say that its outcome is not known.
        """
        self.unfinished = []
        self._write()

    def _write(self) -> None:
        document = {"taken": self._ids, "unfinished": self.unfinished}
        partial = self._file.with_suffix(".partial")
        with partial.open("w") as stream:
            os.fchmod(stream.fileno(), 0o600)
            json.dump(document, stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(self._file)

    def _read(self) -> bool:
        try:
            document: Any = json.loads(self._file.read_text())
            self._ids = [int(one) for one in document["taken"]]
            self.unfinished = [Begun(int(sender), str(word)) for sender, word in document["unfinished"]]
        except (OSError, ValueError, TypeError, KeyError):
            return False
        return True
