"""Workers of a Dask cluster: every thread of every worker that is there drains the round.

Dask carries the name of a round to the workers, and tells which of them are there. It holds no work: a worker
that is lost, a scheduler that starts again, a task that is delivered twice change who works, nothing else.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, Final

from quant_pipelines.core.cluster import require_cluster
from quant_pipelines.core.errors import ConfigurationError, OptimizationError
from quant_pipelines.core.search_settings import OptimizationSettings
from quant_pipelines.research.cluster_task import Drained, drain_round
from quant_pipelines.store.search_queue import RoundTerms

FIRST_SECONDS: Final = 10.0
CONNECT_SECONDS: Final = 5.0
"""How long is waited for a scheduler at first, and for one that has answered before."""
WAIT_SECONDS: Final = 60.0
"""How long a cluster may be without a scheduler, or without a worker, until a search gives up."""
_LOOK_SECONDS = 1.0
_MAX_FAILURES = 3
"""So often in a row a worker may fail before it has done a unit, until it is left out."""
_log = logging.getLogger(__name__)


@contextmanager
def joined(
    address: str, *, wait_seconds: float = WAIT_SECONDS, first_seconds: float = FIRST_SECONDS
) -> Iterator["ClusterCrew"]:
    """Crew of a cluster, for as long as the block runs.

    Parameters
    ----------
    address
        Of the scheduler.
    wait_seconds
        How long it may be without a worker.
    first_seconds
        How long is waited for its scheduler at first.

    Raises
    ------
    ConfigurationError
        If the address is none, or the package that speaks to clusters is not installed.
    OptimizationError
        If no scheduler answers there.
    """
    link = _Link(require_cluster(address), first_seconds)
    try:
        yield ClusterCrew(link, wait_seconds)
    finally:
        link.close()


@contextmanager
def workers_of(search: OptimizationSettings) -> Iterator["int | ClusterCrew"]:
    """Workers that the settings name: a crew of the cluster, else a number of processes of this machine.

    Raises
    ------
    OptimizationError
        If the cluster does not answer.
    """
    if not search.cluster:
        yield search.workers
        return
    with joined(search.cluster) as crew:
        yield crew


class _Link:
    """Connection to the scheduler, made again where it broke."""

    def __init__(self, address: str, first_seconds: float) -> None:
        self.address = address
        self._client: Any = _client(address, first_seconds)

    def workers(self) -> dict[str, int]:
        """Threads of each worker that is there; none while the scheduler does not answer."""
        try:
            if self._client is None or self._client.status != "running":
                self.close()
                self._client = _client(self.address, CONNECT_SECONDS)
            scheduler = self._client.scheduler
            known = self._client.sync(scheduler.identity, n_workers=-1, callback_timeout=CONNECT_SECONDS)
        except (OSError, OptimizationError) as error:  # a time that is over is an OSError, too
            _log.info("cluster %s: %s", self.address, error)
            self.close()
            return {}
        return {address: int(one["nthreads"]) for address, one in known["workers"].items()}

    def submit(self, round_id: str, worker: str) -> Any:
        """Future of a drain on a worker, and on no other: that has its own."""
        return self._client.submit(drain_round, round_id, workers=[worker], pure=False, retries=0)

    def close(self) -> None:
        """Let go of the scheduler, and of what was submitted there."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError):
                client.close(timeout=1)


def _client(address: str, seconds: float) -> Any:
    try:
        import distributed  # noqa: PLC0415 - an extra, which takes seconds to import
    except ImportError as error:
        raise ConfigurationError(
            f"cluster {address} needs the package distributed, which is not installed; expected the extra "
            "'cluster' of quant-pipelines"
        ) from error
    logging.getLogger("distributed").setLevel(
        logging.CRITICAL
    )  # what it can't do is told by a sentence of ours
    client: Any = distributed.Client  # half typed
    attempt = _Connecting(lambda: client(address, timeout=seconds, set_as_default=False))
    try:
        return attempt.result(2 * seconds)
    except OSError as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise OptimizationError(
            f"cluster {address} does not answer: {words}; expected a Dask scheduler there (what was found is "
            "kept, and a search without a cluster goes on with it)"
        ) from error


class _Connecting:
    """A connection that is made beside: who listens and says nothing would be waited for without end.

    The client's own timeout does not hold while it reads the first words of the other side.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._made: SimpleQueue[Any] = SimpleQueue()
        self._is_given_up = Event()
        Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            client = self._connect()
        except OSError as error:
            self._made.put(error)
            return
        self._made.put(client)
        if self._is_given_up.is_set():
            client.close(timeout=1)

    def result(self, seconds: float) -> Any:
        """Client, or what kept it from being made."""
        try:
            made = self._made.get(timeout=seconds)
        except Empty:
            self._is_given_up.set()
            raise TimeoutError(f"somebody listens there who has said nothing for {seconds:g} s") from None
        if isinstance(made, OSError):
            raise made
        return made


class ClusterCrew:
    """See `joined`."""

    def __init__(self, link: _Link, wait_seconds: float) -> None:
        self._link = link
        self._wait_seconds = wait_seconds

    @property
    def size(self) -> int:
        """Threads of all workers now."""
        return sum(self._link.workers().values())

    @contextmanager
    def serve(self, round_id: str, terms: RoundTerms) -> Iterator[Callable[[], None]]:
        """See `Crew`; the terms are read by the workers, from their own database."""
        yield _Drains(self._link, round_id, self._wait_seconds).look


class _Drains:
    """Tasks of one round: one for each thread of each worker that takes part."""

    def __init__(
        self, link: _Link, round_id: str, wait_seconds: float, *, look_seconds: float = _LOOK_SECONDS
    ) -> None:
        self._link = link
        self._round_id = round_id
        self._look_seconds = look_seconds
        self._wait_seconds = wait_seconds
        self._running: dict[tuple[str, int], Any] = {}
        self._refused: dict[str, str] = {}
        self._failures: Counter[str] = Counter()
        self._looked = -look_seconds
        self._last_there = time.monotonic()

    def look(self) -> None:
        """Take up workers that came, and those whose task has ended while the round has not.

        Raises
        ------
        OptimizationError
            If all workers refuse, or none has been there for too long.
        """
        if time.monotonic() - self._looked < self._look_seconds:
            return
        workers = self._link.workers()
        self._collect()
        willing = {address: n for address, n in workers.items() if address not in self._refused}
        self._require_somebody(workers, willing)
        self._running = {key: one for key, one in self._running.items() if key[0] in willing}
        for key in ((address, thread) for address, n in willing.items() for thread in range(n)):
            if key not in self._running:
                self._running[key] = self._link.submit(self._round_id, key[0])
        self._looked = time.monotonic()

    def _collect(self) -> None:
        """Take what has ended off the list, and note why."""
        for key, future in [(key, one) for key, one in self._running.items() if one.done()]:
            del self._running[key]
            address = key[0]
            drained = _result(future)
            failures = 0 if drained.n_done else self._failures[address] + bool(drained.failed)
            self._failures[address] = failures
            too_often = drained.failed if failures >= _MAX_FAILURES else ""
            if refused := drained.refused or too_often:
                _log.warning("cluster %s: worker %s is left out: %s", self._link.address, address, refused)
                self._refused[address] = refused

    def _require_somebody(self, workers: dict[str, int], willing: dict[str, int]) -> None:
        now = time.monotonic()
        if willing:
            self._last_there = now
        elif workers:
            address = next(iter(workers))
            raise OptimizationError(
                f"cluster {self._link.address}: worker {address} is refused: {self._refused[address]}"
                + (f" (so are {len(workers) - 1} others)" if len(workers) > 1 else "")
            )
        elif now - self._last_there > self._wait_seconds:
            raise OptimizationError(
                f"cluster {self._link.address} has had no worker for {self._wait_seconds:g} s; expected one "
                "(what was found is kept, and a search without a cluster goes on with it)"
            )


def _result(future: Any) -> Drained:
    """How a task ended; one that was lost with its worker or its scheduler has done what it has done."""
    if future.status == "finished":
        return Drained(*future.result(timeout=CONNECT_SECONDS))
    if future.status == "error":
        error = future.exception(timeout=CONNECT_SECONDS)
        return Drained(failed=f"{type(error).__name__}: {' '.join(str(error).split())}")
    return Drained()
