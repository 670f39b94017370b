"""Compiled scalar functions and loops; no file but this one, ``lanes`` and ``memory`` knows numba.

numba's disk cache looks only at a kernel's own file, so an edited callee would be served stale. The cache
folder is therefore named by a digest of every compiled source of the package.
"""

import hashlib
import inspect
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numba.extending
from numba.core.types.function_type import CompileResultWAP
from numba.extending import intrinsic, register_jitable

Function = TypeVar("Function", bound=Callable[..., Any])
Value = TypeVar("Value", bound=tuple[Any, ...])
Argument = TypeVar("Argument")
types: Any = numba.types
extending: Any = numba.extending
CompileFault = numba.core.errors.NumbaError
"""What compiling raises."""

_PACKAGE = Path(__file__).resolve().parents[1]
_COMPILED = (
    "core",
    "indicators",
    "costs",
    "accounting",
    "metrics",
    "sdk",
    "risk",
    "portfolio",
    "trading",
    "backtest",
)
_DECIDING = ("optimize/decision", "optimize/overfit")


class _SourceDigests(NamedTuple):
    """Of the sources that produce a day of a record, and of all that are compiled."""

    producing: str
    compiled: str


def _read_digests() -> _SourceDigests:
    digest = hashlib.sha256()
    _add_sources(digest, _COMPILED)
    producing = digest.hexdigest()[:16]
    _add_sources(digest, _DECIDING)
    return _SourceDigests(producing, digest.hexdigest()[:16])


def _add_sources(digest: "hashlib._Hash", folders: Sequence[str]) -> None:
    for folder in folders:
        for path in sorted((_PACKAGE / folder).rglob("*.py")):
            digest.update(path.relative_to(_PACKAGE).as_posix().encode())
            digest.update(path.read_bytes())


_DIGESTS = _read_digests()
"""Of the code of this process: files that an upgrade replaces meanwhile are another release's."""


def kernel_digest() -> str:
    """First 16 hex digits of the SHA-256 over the compiled sources that produce a day of a record.

    What is decided on records, compiled as well, is no part of it: an edit there begins no record anew. Looks
    carry a digest of their own, see ``optimize.capital.decision_digest``.
    """
    return _DIGESTS.producing


def cache_home() -> Path:
    """Folder beneath which compiled code is kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())


def only_read_cache() -> None:
    """Compile without adding to the disk cache, for a process that may not write there.

    numba would refuse to read from a folder in which it can't make a file.
    """
    caching: Any = numba.core.caching
    caching.Cache._save_overload = lambda cache, signature, data: None  # noqa: SLF001
    caching._CacheLocator.ensure_cache_path = lambda locator: None  # noqa: SLF001


def _allow_first_class() -> None:
    """Don't warn of functions as arguments: numba's minor version is pinned, and tests compare results."""
    warnings.filterwarnings("ignore", category=numba.core.errors.NumbaExperimentalFeatureWarning)


def _use_cache_folder() -> None:
    folder = cache_home() / "quant-pipelines" / "kernels" / _DIGESTS.compiled
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # numba falls back to a folder of its own choice
    setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010 - the attribute is made at run time


_use_cache_folder()
_allow_first_class()


def kernel(function: Function) -> Function:
    """Compile a loop; the type that mypy sees is the function's own.

    Compiled code raises nothing and never uses fast math: batch and live must agree to the last bit.
    """
    compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(function)  # noqa: TID251
    return cast(Function, compiled)


def scalar(function: Function) -> Function:
    """Compile a step of values; like ``kernel``, and inlined into the loops that call it.

    Values that cross a call are copied through memory, which costs a bar more than its arithmetic. Pass
    scalars and named tuples of scalars; an array is counted in and out at every call.
    """
    compiled: Any = numba.njit(  # noqa: TID251
        cache=True, nogil=True, error_model="numpy", forceinline=True
    )(function)
    return cast(Function, compiled)


def inner(function: Function) -> Function:
    """Compile like ``kernel``, for calls from compiled code alone.

    Without a way in from Python, which unpacks and packs every field of every value, a function of large
    values compiles in half the time.
    """
    compiled: Any = numba.njit(  # type: ignore[call-overload]  # noqa: TID251
        cache=True, nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True
    )(function)
    return cast(Function, compiled)


def inlined(function: Function) -> Function:
    """Compile like ``scalar``, for calls from compiled code alone; see ``inner``.

    Whether a large function is inlined without being told so depends on whether it was compiled just now or
    comes from the disk cache: a loop that is made of such functions would run at two speeds.
    """
    compiled: Any = numba.njit(  # type: ignore[call-overload]  # noqa: TID251
        cache=True,
        nogil=True,
        error_model="numpy",
        forceinline=True,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    )(function)
    return cast(Function, compiled)


def shared(function: Function) -> Function:
    """Compile like ``inlined``, for calls from compiled code; where Python calls it, it is plain Python.

    A named tuple of named tuples costs a microsecond for each of them on its way out of compiled code: a few
    lines that move fields of large values are faster without. Both must agree to the last bit, so nothing is
    divided here: where Python raises, compiled code does not.
    """
    options = {"forceinline": True, "nogil": True, "error_model": "numpy"}
    return register_jitable(**options)(function)


def change_of(kind: type[Value], *names: str) -> Callable[..., Value]:
    """Make the function that changes these fields of a named tuple and keeps all others.

    Compiled code has no ``_replace``; a tuple that is rebuilt field by field loses a new field, or swaps
    two, in silence. The function takes the value and then the new fields, by name or in the order given. In
    compiled code it is no call but a few moves; where Python calls it, it is plain Python.

    Parameters
    ----------
    kind
        Class of the named tuple.
    names
        Fields that change.

    Raises
    ------
    TypeError
        If the named tuple has no such field.
    """
    fields: tuple[str, ...] = getattr(kind, "_fields")  # noqa: B009 - a bound can't say "named tuple"
    unknown = [name for name in names if name not in fields]
    if unknown:
        raise TypeError(f"{kind.__name__} has no field {unknown[0]}; expected one of {', '.join(fields)}")
    values = ", ".join(name if name in names else f"_.{name}" for name in fields)
    space: dict[str, Any] = {"_kind": kind}
    exec(f"def change(_, {', '.join(names)}): return _kind({values})", space)  # noqa: S102 - as namedtuple does
    _compile_change(space["change"], kind, [fields.index(name) for name in names])
    return cast(Callable[..., Value], space["change"])


def _compile_change(change: Callable[..., Any], kind: type[Any], places: list[int]) -> None:
    """Tell numba what a change returns and how that is made; its fields stand at ``places`` of the value."""
    called = inspect.signature(change)

    def typer(*args: Any, **named: Any) -> Any:
        value, *new = called.bind(*args, **named).args
        if getattr(value, "instance_class", None) is not kind:
            return None
        parts = list(value.types)
        for place, part in zip(places, new, strict=True):
            parts[place] = part
        return types.BaseTuple.from_types(parts, kind)

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        value, *new = args
        parts = [builder.extract_value(value, place) for place in range(len(sig.return_type))]
        for place, part, given in zip(places, new, sig.args[1:], strict=True):
            parts[place] = context.cast(builder, part, given, sig.return_type[place])
        made = context.make_tuple(builder, sig.return_type, parts)
        context.nrt.incref(builder, sig.return_type, made)  # what it holds is the value's and the caller's
        return made

    setattr(typer, "pysig", called)  # noqa: B010 - numba looks for it there
    extending.type_callable(change)(lambda context: typer)
    extending.lower_builtin(change, types.VarArg(types.Any))(lowered)


def each_of(functions: Sequence[Callable[[Argument], float]]) -> Callable[[Argument], tuple[float, ...]]:
    """Compile scalar functions of one value into one that answers with all their results, in order.

    For calls from compiled code alone. It is not in the disk cache, which can't tell what a function closes
    over; the loops that call it are.
    """
    compiled: Any = numba.njit(nogil=True, error_model="numpy", forceinline=True)  # noqa: TID251
    first, *others = functions
    if not others:
        return cast(Callable[[Argument], tuple[float, ...]], compiled(lambda value: (first(value),)))
    rest = each_of(others)
    joined = compiled(lambda value: (first(value), *rest(value)))
    return cast(Callable[[Argument], tuple[float, ...]], joined)


class FirstClass(NamedTuple):
    """Function that loops call by its address, so that one loop serves all of its kind.

    Parameters
    ----------
    address
        What a loop is given.
    call
        The same compiled function, for a call from Python.
    python
        What it was compiled of.
    """

    address: Any
    call: Callable[..., None]
    python: Callable[..., None]


def first_class(
    text: str, key: str, *, space: Mapping[str, Any], arguments: Sequence[type | int]
) -> dict[str, FirstClass]:
    """Compile the functions of a text whose names don't begin with an underscore; none returns anything.

    Parameters
    ----------
    text
        Source: function definitions alone, one of which may call another that begins with an underscore.
    key
        Names the text in the disk cache, in the folder that is named by the digest of what it may call.
    space
        What the text may name.
    arguments
        Of each function: a named tuple whose fields are all floats, or the dimensions of a float64 array.

    Raises
    ------
    CompileFault
        If a function can't be compiled.
    """
    path = _kept(text, key)
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    module = ModuleType(f"quant_first_class_{key}")
    sys.modules[module.__name__] = module  # where the disk cache looks for it
    made = module.__dict__
    made.update(space)
    exec(compile(text, str(path or f"<{key}>"), "exec"), made)  # noqa: S102 - the caller has checked it
    own = {name: one for name, one in made.items() if name not in space and inspect.isfunction(one)}
    made.update({name: register_jitable(**options)(one) for name, one in own.items() if name[0] == "_"})
    signature = types.void(*map(_argument, arguments))
    found = {}
    for name in (name for name in own if name[0] != "_"):
        compiled: Any = numba.njit(  # noqa: TID251
            [signature], cache=path is not None, **options
        )(own[name])
        (result,) = compiled.overloads.values()
        found[name] = FirstClass(CompileResultWAP(result), compiled, own[name])
    return found


def _argument(kind: Any) -> Any:
    if isinstance(kind, int):
        return types.Array(types.float64, kind, "C")
    return types.NamedUniTuple(types.float64, len(kind._fields), kind)


def _kept(text: str, key: str) -> Path | None:
    """Keep a text beside the compiled code, whose cache is keyed by a file; None where it can't be."""
    path = Path(getattr(numba.config, "CACHE_DIR", "") or "/nowhere") / "texts" / f"{key}.py"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".new", delete=False) as file:
                file.write(text)
            Path(file.name).replace(path)
        return path if path.read_text(encoding="utf-8") == text else None
    except OSError:
        return None


def operation(function: Callable[..., Any]) -> Any:
    """Operation of compiled code; its arguments there are the types of those that it is called with."""
    return intrinsic(function)


def sized_operation(function: Callable[..., Any]) -> Any:
    """Operation whose size is an argument that must be known when it is compiled."""
    return intrinsic(prefer_literal=True)(function)
