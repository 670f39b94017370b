"""Asks the confined process, waits no longer than it should, and starts it again when it is late or dead."""

import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from quant_pipelines.core.errors import StrategyError, StrategyMissed
from quant_pipelines.core.ids import digest_of
from quant_pipelines.sandbox.desks import act_at
from quant_pipelines.sandbox.life import Life
from quant_pipelines.sandbox.spares import Spares
from quant_pipelines.sandbox.stand_in import stand_in
from quant_pipelines.sandbox.wire import Frame, MalformedFrame
from quant_pipelines.sdk.desk import Desk
from quant_pipelines.sdk.strategy import Strategy

_COMPILED_SECONDS = 5.0
"""What compiled code takes until it is there, beside the first answer that needs it."""
_PATIENCE = 2.0
"""How many times its own time a question waits for its turn: for one that hangs, and those before it."""


@dataclass(frozen=True, slots=True)
class HostLimits:
    """What a strategy may take.

    Parameters
    ----------
    seconds
        Until it has answered a question, such as for its target.
    load_seconds
        Until its text has run, in a process of its own, and until a process has started.
    megabytes
        Of address space; compiled kernels alone map about one gigabyte.
    misses
        Questions of one kind in a row that it may leave unanswered; with the last it counts as broken.
    """

    seconds: float = 5.0
    load_seconds: float = 60.0
    megabytes: int = 2048
    misses: int = 3

    def until_answered(self, question: str) -> float:
        """Seconds that a question may take."""
        special = {"load": self.load_seconds, "make": self.seconds + _COMPILED_SECONDS}
        return special.get(question, self.seconds)


class NotAsked(StrategyMissed):
    """Others kept the process: a bar is missed, and nothing speaks against the strategy itself."""


class SandboxHost:
    """One confined process, in which all strategies decide; for any number of threads.

    A text runs first in a process in which nobody decides: one that hangs there, or takes all memory, keeps
    nobody waiting. Where it has loaded well, and no process decides yet, that one does from then on.

    Examples
    --------
    >>> from quant_pipelines.sandbox.host import SandboxHost
    >>> from quant_pipelines.sdk import Bars
    >>> from quant_pipelines.sdk.scaffold import scaffold
    >>> with SandboxHost() as host:
    ...     strategy = host.load("my_idea", scaffold("my_idea"))(window=10)
    ...     strategy, strategy.target(Bars.of_closes(range(100, 120)))[-1]
    (MyIdea(window=10, hard_stop=0.05), np.float64(1.0))
    """

    def __init__(self, limits: HostLimits = HostLimits()) -> None:
        self.limits = limits
        self._folder = tempfile.TemporaryDirectory(prefix="quant-sandbox-")
        self._asking = threading.Lock()
        self._process: Life | None = None
        self._spares = Spares(self._life)
        self._known: set[str] = set()
        self._loaded: dict[str, Frame] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Number of the process; None before the first question."""
        return self._process.child.pid if self._process else None

    def load(self, name: str, source: str) -> type[Strategy]:
        """Return a class that stands for a text; nothing of the text runs in this process.

        Raises
        ------
        StrategyError
            If the text can't be used, or does not load in time.
        """
        version = Version(self, name, source)
        return stand_in(name, version.declarations(), version)

    def warm(self) -> None:
        """Start a process before there is a text: it takes its time until it listens."""
        self._spares.warm()

    def close(self) -> None:
        """End the process."""
        self._spares.close()
        with self._asking:
            if self._process:
                self._process.end()
            self._process = None
            self._folder.cleanup()

    def ask(self, version: "Version", sent: Frame, desk: Desk | None) -> Frame:
        """Ask about an instance, which is made where this process does not know it yet.

        Raises
        ------
        StrategyMissed
            If it does not answer in time, the process dies of it, or others keep the process.
        MalformedFrame
            If it answers what no strategy can.
        """
        if sent.document["ask"] == "load":
            return self._apart(sent)
        with self._turn(sent):
            process = self._running()
            try:
                process.wait_ready(self.limits.load_seconds)
                if sent.document["ask"] == "make" or sent.document["key"] in self._known:
                    return self._asked(process, sent, desk)
                made = self._asked(process, version.making(sent.document["parameters"]), None)
                return made if "raised" in made.document else self._asked(process, sent, desk)
            except BaseException:  # the rest of this answer must not be taken for another's
                process.end()
                self._started()  # others are waiting
                raise

    def _apart(self, sent: Frame) -> Frame:
        """Ask a process in which nobody decides; what has loaded once is not tried again."""
        text = digest_of(sent.document)
        if text not in self._loaded:
            process = self._spares.take()
            try:
                process.wait_ready(self.limits.load_seconds)
                answer = self._asked(process, sent, None)
            except BaseException:
                process.end()
                raise
            if "raised" in answer.document:
                process.end()
                return answer
            self._loaded[text] = answer
            self._keep(process)
        return self._loaded[text]

    def _keep(self, process: Life) -> None:
        """Have a process in which a text has loaded well decide, or wait for the next text."""
        if self._process is None and self._asking.acquire(blocking=False):
            try:
                if self._process is None:
                    self._process = process
                    return
            finally:
                self._asking.release()
        self._spares.put(process)

    @contextmanager
    def _turn(self, sent: Frame) -> Iterator[None]:
        """Wait for others; not for long while a bar waits for the answer, as it is not booked meanwhile."""
        patience = _PATIENCE * self.limits.seconds
        if not self._asking.acquire(timeout=-1 if sent.document["ask"] == "make" else patience):
            raise NotAsked(f"others kept the strategies' process for {patience:g} s")
        try:
            yield
        finally:
            self._asking.release()

    def _asked(self, process: Life, sent: Frame, desk: Desk | None) -> Frame:
        seconds = self.limits.until_answered(sent.document["ask"])
        document = sent.document | {"seconds": seconds}
        process.send(Frame(document, sent.arrays), seconds)
        while "act" in (answer := process.read()).document:
            if desk is None:
                raise MalformedFrame("an act where there is no desk")
            try:
                process.send(Frame(act_at(desk, answer.document), {}))
            except (KeyError, TypeError, ValueError) as error:
                raise MalformedFrame(f"an act can't be read: {type(error).__name__}: {error}") from error
        if sent.document["ask"] == "make" and "answer" in answer.document:
            self._known.add(sent.document["key"])
        return answer

    def _running(self) -> Life:
        """Return the process; one that died while nobody asked is started again."""
        process = self._process
        if process is None or process.child.poll() is not None:
            if process:
                process.end()
            process = self._started()
        return process

    def _started(self) -> Life:
        self._known.clear()
        self._process = None
        self._process = self._life()
        return self._process

    def _life(self) -> Life:
        try:
            return Life("worker", Path(self._folder.name), self.limits.megabytes)
        except OSError as error:
            raise StrategyMissed(f"the strategies' process can't be started: {error}") from error


class Version:
    """A text as the confined process is asked about it.

    Parameters
    ----------
    host
        Asks.
    name, source
        The text.
    """

    def __init__(self, host: SandboxHost, name: str, source: str) -> None:
        self._host = host
        self._text = {"name": name, "source": source}
        self._missed: Counter[str] = Counter()

    def declarations(self) -> dict[str, Any]:
        """Return what the text declares."""
        return self._answer(Frame({"ask": "load", **self._text}, {}), None).document

    def making(self, parameters: Mapping[str, Any]) -> Frame:
        """Return the question that has an instance made."""
        about = {"ask": "make", "key": self._key(parameters), "parameters": dict(parameters)}
        return Frame(about | self._text, {})

    def make(self, parameters: Mapping[str, Any]) -> None:
        """Have an instance made.

        Raises
        ------
        StrategyError
            If it can't have these parameters, or is not made in time.
        """
        self._answer(self.making(parameters), None)

    def ask(
        self, parameters: Mapping[str, Any], question: str, sent: Frame, desk: Desk | None = None
    ) -> Frame:
        """Return the answer of an instance; ``desk`` is acted on meanwhile.

        Raises
        ------
        StrategyMissed
            If it did not answer in time or its process died, and may still be asked again.
        StrategyError
            If it raised one, answers what no strategy can, or left one question unanswered too often.
        """
        about = {"ask": question, "key": self._key(parameters), "parameters": dict(parameters)}
        return self._answer(Frame(about | sent.document, sent.arrays), desk)

    def _answer(self, sent: Frame, desk: Desk | None) -> Frame:
        question, misses = sent.document["ask"], self._host.limits.misses
        try:
            found = self._host.ask(self, sent, desk)
        except MalformedFrame as error:
            raise StrategyError(f"its process answered what no strategy can: {error}") from error
        except NotAsked:
            raise
        except StrategyMissed as missed:
            self._missed[question] += 1
            if self._missed[question] < misses:
                raise
            self._missed[question] = 0
            raise StrategyError(f"{missed}, {misses} times in a row") from missed.__cause__
        self._missed[question] = 0
        document = found.document
        if "raised" in document:
            raise _raised(str(document["raised"]), str(document.get("message", "")))
        return Frame(document.get("answer", {}), found.arrays)

    def _key(self, parameters: Mapping[str, Any]) -> str:
        return digest_of({"parameters": dict(parameters), **self._text})


class _Raised(Exception):
    """What a strategy raised, by the name that its class has there."""


def _raised(kind: str, message: str) -> Exception:
    if kind == StrategyError.__name__:
        return StrategyError(message)
    raised: type[Exception] = type(kind, (_Raised,), {})
    return raised(message)
