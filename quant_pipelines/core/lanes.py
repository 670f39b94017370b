"""Lane vectors for compiled loops: one value holds K float64, one for each set that runs abreast.

A ``Vec`` is LLVM's ``<K x double>``: strict IEEE arithmetic, so a
lane equals the scalar computation to the last bit on every CPU. numba fully unrolls plain loops over lanes
before LLVM could vectorize them, which is why the lanes are a type. K is a power of two.
"""

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import PrimitiveModel, register_default
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin

from quant_pipelines.core.jit import operation, sized_operation

Lanes: TypeAlias = Any
"""Vec in an annotation: what a lane function takes and returns."""

Word: TypeAlias = Any
"""uint64 with a bit for each lane."""

NONE, ONE = np.uint64(0), np.uint64(1)

_F64, _I1, _I32, _I64 = ir.DoubleType(), ir.IntType(1), ir.IntType(32), ir.IntType(64)


class Vec(types.Type):
    """Type of K doubles."""

    def __init__(self, k: int) -> None:
        self.k = k
        super().__init__(f"Vec{k}")


class Mask(types.Type):
    """Type of K truth values."""

    def __init__(self, k: int) -> None:
        self.k = k
        super().__init__(f"Mask{k}")


def _model(lane_type: Any, element: Any) -> None:
    class Model(PrimitiveModel):
        def __init__(self, manager: Any, kind: Any) -> None:
            super().__init__(manager, kind, ir.VectorType(element, kind.k))

    register_default(lane_type)(Model)


_model(Vec, _F64)
_model(Mask, _I1)


def _spread(builder: Any, value: Any, k: int) -> Any:
    kind = ir.VectorType(value.type, k)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, _I32(0))
    zeros = ir.Constant(ir.VectorType(_I32, k), [0] * k)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), zeros)


def _vector(context: Any, builder: Any, value: Any, kind: Any, k: int) -> Any:
    if isinstance(kind, Vec):
        return value
    return _spread(builder, context.cast(builder, value, kind, types.float64), k)


def _width(*kinds: Any) -> int:
    return next(int(kind.k) for kind in kinds if isinstance(kind, Vec))


def _define(symbol: Any, emit: Callable[[Any, Any, Any], Any], result: Any) -> None:
    """Let an operator work on Vec with Vec, and on Vec with a number on either side."""

    class Template(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            numbers = (Vec, types.Float, types.Integer)
            is_ours = len(args) == 2 and any(isinstance(arg, Vec) for arg in args)
            if not is_ours or not all(isinstance(arg, numbers) for arg in args):
                return None
            given = [arg if isinstance(arg, Vec) else types.float64 for arg in args]
            return signature(result(_width(*args)), *given)

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        k = _width(*sig.args)
        both = [_vector(context, builder, arg, kind, k) for arg, kind in zip(args, sig.args, strict=True)]
        return emit(builder, *both)

    infer_global(symbol)(Template)
    for kinds in ((Vec, Vec), (Vec, types.Float), (types.Float, Vec)):
        lower_builtin(symbol, *kinds)(lowered)


def _define_all() -> None:
    arithmetic = {"add": "fadd", "sub": "fsub", "mul": "fmul", "truediv": "fdiv"}
    for name, instruction in arithmetic.items():
        _define(
            getattr(operator, name),
            lambda builder, x, y, instruction=instruction: getattr(builder, instruction)(x, y),
            Vec,
        )
    for name, comparison in {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
        _define(
            getattr(operator, name),
            lambda builder, x, y, comparison=comparison: builder.fcmp_ordered(comparison, x, y),
            Mask,
        )


_define_all()


@sized_operation
def splat(typing: Any, value: Any, width: Any) -> Any:
    """``splat(x, K)``: the same number in every lane."""
    k = width.literal_value

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _spread(builder, context.cast(builder, args[0], sig.args[0], types.float64), k)

    return Vec(k)(value, width), lowered


@operation
def either(typing: Any, x: Any, y: Any) -> Any:
    """``either(mask, mask)``: true where one of them is."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.or_(*args)

    return x(x, y), lowered


@operation
def sel(typing: Any, mask: Any, x: Any, y: Any) -> Any:
    """``sel(mask, x, y)``: x where the mask is true, else y; x and y are Vec or numbers."""
    k = mask.k

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        first = _vector(context, builder, args[1], sig.args[1], k)
        second = _vector(context, builder, args[2], sig.args[2], k)
        return builder.select(args[0], first, second)

    return Vec(k)(mask, x, y), lowered


@operation
def vmax(typing: Any, x: Any, y: Any) -> Any:
    """``vmax(x, y)``: y where it is greater, else x, as ``if y > x: x = y`` has it."""
    k = _width(x, y)

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        first = _vector(context, builder, args[0], sig.args[0], k)
        second = _vector(context, builder, args[1], sig.args[1], k)
        return builder.select(builder.fcmp_ordered(">", second, first), second, first)

    return Vec(k)(x, y), lowered


@operation
def vabs(typing: Any, x: Any) -> Any:
    """``vabs(x)``: without the sign."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = args[0].type
        whole = ir.VectorType(_I64, x.k)
        ones = ir.Constant(whole, [0x7FFFFFFFFFFFFFFF] * x.k)
        return builder.bitcast(builder.and_(builder.bitcast(args[0], whole), ones), kind)

    return x(x), lowered


@operation
def bits(typing: Any, mask: Any) -> Any:
    """``bits(mask)``: bit j is lane j."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.zext(builder.bitcast(args[0], ir.IntType(mask.k)), _I64)

    return types.uint64(mask), lowered


@operation
def get(typing: Any, vector: Any, lane: Any) -> Any:
    """``get(v, j)``: the number in lane j."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.extract_element(args[0], args[1])

    return types.float64(vector, lane), lowered


@operation
def put(typing: Any, vector: Any, lane: Any, value: Any) -> Any:
    """``put(v, j, x)``: v with x in lane j."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        number = _vector(context, builder, args[2], sig.args[2], vector.k)
        lane_type = args[1].type
        lanes = ir.Constant(ir.VectorType(lane_type, vector.k), list(range(vector.k)))
        is_it = builder.icmp_unsigned("==", lanes, _spread(builder, args[1], vector.k))
        return builder.select(is_it, number, args[0])

    return vector(vector, lane, value), lowered


@operation
def lowest_bit(typing: Any, word: Any) -> Any:
    """``lowest_bit(w)``: position of the lowest bit that is set; w is a uint64 and not 0."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.cttz(args[0], _I1(1))

    return types.uint64(types.uint64), lowered


@operation
def unlikely(typing: Any, condition: Any) -> Any:
    """``unlikely(c)``: c, and a hint that it is mostly false."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I1, [_I1, _I1])
        expect = cgutils.get_or_insert_function(builder.module, kind, "llvm.expect.i1")
        return builder.call(expect, [args[0], _I1(0)])

    return types.boolean(types.boolean), lowered
