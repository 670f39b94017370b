"""Memory of indicator values across the parameter sets of a sweep, which ask for the same windows again."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

_current: ContextVar["Memo | None"] = ContextVar("indicator_memo", default=None)


class _KnownArray(NamedTuple):
    """Array that may be asked about, and what stands for it in keys: its address may become another's."""

    array: np.ndarray
    token: object


class Memo:
    """Newest results up to a number of bytes; threads may share it.

    Only calls on known arrays are remembered: those it was made with, and what it remembers of them. A
    result is shared between its callers and therefore read-only; one that is no array, nor a tuple of arrays
    and numbers, is computed each time.

    Parameters
    ----------
    arrays
        Columns of the bars.
    max_bytes
        Beyond it the results that were asked for longest ago are forgotten.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import Memo, remembering, sma
    >>> close = np.array([1.0, 3.0, 5.0])
    >>> with remembering(Memo([close], max_bytes=1_000_000)):
    ...     sma(close, 2) is sma(close, 2)
    True
    """

    def __init__(self, arrays: Iterable[np.ndarray], max_bytes: int) -> None:
        self._known = {id(array): _KnownArray(array, object()) for array in arrays}
        self._max_bytes = max_bytes
        self._bytes = 0
        self._results: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, function: Callable[..., R], args: tuple[Any, ...], options: dict[str, Any]) -> R:
        """Return the result of a call, computed if it isn't remembered."""
        key = self._key(function, args, options)
        if key is None:
            return function(*args, **options)
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                known: R = self._results[key]
                return known
        result = function(*args, **options)
        with self._lock:
            if key not in self._results and _is_of_arrays(result):
                self._remember(key, result)
        return result

    def _key(
        self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
    ) -> tuple[Any, ...] | None:
        """Return what stands for a call; None where an array is not known, or a value can be no key."""
        try:
            key: tuple[Any, ...] = (function, *map(self._part, args))
            if options:
                key = (*key, *((name, self._part(options[name])) for name in sorted(options)))
            hash(key)
        except (KeyError, TypeError):
            return None
        return key

    def _part(self, value: Any) -> Any:
        return self._known[id(value)].token if isinstance(value, np.ndarray) else value

    def _remember(self, key: tuple[Any, ...], result: Any) -> None:
        self._results[key] = result
        for array in _arrays(result):
            array.flags.writeable = False
            self._bytes += array.nbytes
            self._known.setdefault(id(array), _KnownArray(array, object()))
        while self._bytes > self._max_bytes and self._results:
            _, forgotten = self._results.popitem(last=False)
            for array in _arrays(forgotten):
                self._bytes -= array.nbytes
                self._known.pop(id(array), None)


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Let an indicator, or a function of a strategy, ask the memory in force, if there is one.

    Its result depends on its arguments alone and is not changed by who gets it: in a sweep it is read-only.
    Mark what depends on no parameter, or on whole numbers that many sets share.

    Examples
    --------
    >>> from quant_pipelines.indicators.memo import remembered
    >>> def double(value):
    ...     return 2 * value
    >>> remembered(double)(3)  # without a memory in force it is the function itself
    6
    """

    @wraps(function)
    def asking(*args: P.args, **options: P.kwargs) -> R:
        memo = _current.get()
        return function(*args, **options) if memo is None else memo.ask(function, args, options)

    return asking


@contextmanager
def remembering(memo: Memo) -> Iterator[None]:
    """Let the indicators that this thread calls use a memory.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import Memo, remembering, sma
    >>> close = np.array([1.0, 3.0, 5.0])
    >>> with remembering(Memo([close], max_bytes=1_000_000)):
    ...     sma(close, 2).flags.writeable  # what is shared is read-only
    False
    >>> sma(close, 2).flags.writeable
    True
    """
    token = _current.set(memo)
    try:
        yield
    finally:
        _current.reset(token)


def _is_of_arrays(result: Any) -> bool:
    """Whether its bytes can be counted and kept from changes."""
    if not isinstance(result, tuple):
        return isinstance(result, np.ndarray)
    n_arrays = sum(1 for _ in _arrays(result))
    return n_arrays > 0 and all(isinstance(part, np.ndarray | int | float) for part in result)


def _arrays(result: Any) -> Iterator[np.ndarray]:
    if isinstance(result, np.ndarray):
        yield result
    elif isinstance(result, tuple):
        yield from (part for part in result if isinstance(part, np.ndarray))
