"""A process that ends at any moment: at the begin of a transaction, or before what it has written stands."""

from sqlalchemy import Engine, event


class Killed(BaseException):
    """The process is gone."""


class Kills:
    """Counts the transactions of an engine, and ends the process at one of their edges.

    Parameters
    ----------
    engine
        Engine of all that runs.
    """

    def __init__(self, engine: Engine) -> None:
        self.seen = 0
        self._at: int | None = None
        for edge in ("begin", "commit"):
            event.listen(engine, edge, self._pass)

    def strike(self, at: int | None) -> None:
        """End the process at this edge, counted from here; None lets it live."""
        self.seen, self._at = 0, at

    def _pass(self, _connection: object) -> None:
        self.seen += 1
        if self.seen == self._at:
            raise Killed
