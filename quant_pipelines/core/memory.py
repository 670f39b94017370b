"""Memory of compiled loops: arrays lent, asked for ahead of time, compared 64 at once; values on a stack."""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import PrimitiveModel, register_default

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import inlined, operation, sized_operation
from quant_pipelines.core.lanes import NONE, ONE, Word

WORD_BITS = 64

_BYTES, _F64, _I32, _I64 = ir.IntType(8).as_pointer(), ir.DoubleType(), ir.IntType(32), ir.IntType(64)


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    return cgutils.create_struct_proxy(kind)(context, builder, array).data


def _lent(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        array = cgutils.create_struct_proxy(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()  # noqa: SLF001 - the public way to it
    if isinstance(kind, types.BaseTuple):
        parts = zip(kind.types, cgutils.unpack_tuple(builder, value), strict=True)
        given = [_lent(context, builder, *part) for part in parts]
        return context.make_tuple(builder, kind, given)
    return value


@operation
def lent(typing: Any, value: Any) -> Any:
    """``lent(x)``: an array, or a tuple that may hold some, whose owners nobody counts.

    Counting costs two locked additions for each array at every call that isn't inlined. Only for what the
    caller of the pass keeps alive until it returns.
    """

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _lent(context, builder, sig.args[0], args[0])

    return value(value), lowered


Room: TypeAlias = Any
"""Values on the stack of a pass, in an annotation; see ``room``."""


class _Room(types.Type):
    """Type of K values of one kind on the stack of the pass that made them."""

    def __init__(self, kind: Any, k: int) -> None:
        self.kind, self.k = kind, k
        super().__init__(f"Room({kind}, {k})")


@register_default(_Room)
class _RoomModel(PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, manager[kind.kind].get_value_type().as_pointer())


@sized_operation
def room(typing: Any, value: Any, width: Any) -> Any:
    """``room(x, K)``: K copies of a value without arrays, which live until the function that asks returns.

    A list's values may lie anywhere, so that compiled code has to read and write them whole; what lies on the
    stack is nobody else's, and only the fields that are used are read and only those that change are written.
    """
    k = width.literal_value

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        first = cgutils.alloca_once(builder, args[0].type, size=_I64(k))
        for place in range(k):
            builder.store(args[0], builder.gep(first, [_I64(place)]))
        return first

    return _Room(value, k)(value, width), lowered


@operation
def kept(typing: Any, values: Any, at: Any) -> Any:
    """``kept(room, j)``: value at place j."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(builder.gep(args[0], [args[1]]))

    return values.kind(values, types.uint64), lowered


@operation
def keep(typing: Any, values: Any, at: Any, value: Any) -> Any:
    """``keep(room, j, x)``: write x to place j."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        value = context.cast(builder, args[2], sig.args[2], sig.args[0].kind)
        builder.store(value, builder.gep(args[0], [args[1]]))
        return context.get_dummy_value()

    return types.void(values, types.uint64, value), lowered


class _Place(NamedTuple):
    """Type of an array, the array, and a position in it."""

    kind: Any
    array: Any
    position: Any


def _run_of_values(context: Any, builder: Any, place: _Place, element: Any) -> Any:
    """64 values of an array from a position on."""
    start = builder.gep(_data(context, builder, place.kind, place.array), [place.position])
    return builder.load(builder.bitcast(start, ir.VectorType(element, WORD_BITS).as_pointer()), align=8)


def _is_plain(values: Any) -> bool:
    return isinstance(values, types.Array) and values.layout == "C" and values.ndim == 1


@operation
def unlike(typing: Any, values: Any, at: Any) -> Any:
    """``unlike(values, i)``: bit k tells whether ``values[i + k]`` has other bits than ``values[i + k - 1]``.

    For 64 values at once, of a contiguous float64 array; there must be a value before the first.
    """

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind, (array, position) = sig.args[0], args
        before = builder.sub(position, _I64(1))
        now = _run_of_values(context, builder, _Place(kind, array, position), _I64)
        last = _run_of_values(context, builder, _Place(kind, array, before), _I64)
        return builder.bitcast(builder.icmp_unsigned("!=", now, last), _I64)

    return (types.uint64(values, types.uint64), lowered) if _is_plain(values) else None


@operation
def greater(typing: Any, first: Any, second: Any, at: Any) -> Any:
    """``greater(x, y, i)``: bit k tells whether ``x[i + k] > y[i + k]``; 64 values of contiguous float64."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        one = _run_of_values(context, builder, _Place(sig.args[0], args[0], args[2]), _F64)
        other = _run_of_values(context, builder, _Place(sig.args[1], args[1], args[2]), _F64)
        return builder.bitcast(builder.fcmp_ordered(">", one, other), _I64)

    is_plain = _is_plain(first) and _is_plain(second)
    return (types.uint64(first, second, types.uint64), lowered) if is_plain else None


@operation
def count_bits(typing: Any, word: Any) -> Any:
    """``count_bits(w)``: how many bits of a uint64 are set."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), lowered


@operation
def fetch(typing: Any, values: Any, at: Any) -> Any:
    """``fetch(values, i)``: let memory send what is at i, which is read soon; i may lie beyond the end."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = _data(context, builder, sig.args[0], args[0])
        place = builder.bitcast(builder.gep(data, [args[1]]), _BYTES)
        kind = ir.FunctionType(ir.VoidType(), [_BYTES, _I32, _I32, _I32])
        ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(ask, [place, _I32(0), _I32(3), _I32(1)])
        return context.get_dummy_value()

    return types.void(values, types.uint64), lowered


@inlined
def greater_at(first: FloatArray, second: FloatArray, at: int) -> Word:
    """Return a bit for each of the next 64 values, or of those that are left: where the first is greater."""
    if at + WORD_BITS <= first.size:
        return greater(first, second, np.uint64(at))
    word: Word = NONE
    for k in range(first.size - at):
        if first[at + k] > second[at + k]:
            word |= ONE << np.uint64(k)
    return word
