"""Arrays in compiled loops: lent instead of owned, asked for ahead of time, compared 64 values at once."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from quant_pipelines.core.jit import operation

WORD_BITS = 64

_BYTES, _I32, _I64 = ir.IntType(8).as_pointer(), ir.IntType(32), ir.IntType(64)


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


@operation
def unlike(typing: Any, values: Any, at: Any) -> Any:
    """``unlike(values, i)``: bit k tells whether ``values[i + k]`` has other bits than ``values[i + k - 1]``.

    For 64 values at once, of a contiguous float64 array; there must be a value before the first.
    """
    run = ir.VectorType(_I64, WORD_BITS)

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = _data(context, builder, sig.args[0], args[0])

        def loaded(position: Any) -> Any:
            place = builder.bitcast(builder.gep(data, [position]), run.as_pointer())
            return builder.load(place, align=8)

        before = builder.sub(args[1], _I64(1))
        differs = builder.icmp_unsigned("!=", loaded(args[1]), loaded(before))
        return builder.bitcast(differs, _I64)

    is_plain = isinstance(values, types.Array) and values.layout == "C" and values.ndim == 1
    return (types.uint64(values, types.uint64), lowered) if is_plain else None


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
