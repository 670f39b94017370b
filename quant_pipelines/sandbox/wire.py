"""Frames between a caller and its confined process: a JSON document, and arrays beside it.

A frame is two lengths (little-endian, 4 bytes each), the document, and the arrays' bytes. Nothing that is
read is ever executed, as a pickle would be.
"""

import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

_LENGTHS = struct.Struct("<II")
_DTYPES = {"f8": np.float64, "i8": np.int64}
_MOST_DOCUMENT, _MOST_ARRAYS = 1 << 20, 1 << 26
_MOST_AXES = 2

Read = Callable[[int], bytearray]
"""Reads exactly so many bytes."""


class Frame(NamedTuple):
    """A document and arrays by name, float64 or int64."""

    document: dict[str, Any]
    arrays: dict[str, np.ndarray]


class MalformedFrame(Exception):
    """What was sent is no frame; says what is wrong with it."""


def packed(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Bytes of a frame; floats keep every bit.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from quant_pipelines.sandbox.wire import packed, read_frame
    >>> stream = io.BytesIO(packed({"ask": "target"}, {"close": np.array([100.0, 101.0])}))
    >>> read_frame(lambda size: bytearray(stream.read(size)))
    Frame(document={'ask': 'target'}, arrays={'close': array([100., 101.])})
    """
    columns = [(name, np.ascontiguousarray(column)) for name, column in arrays.items()]
    shapes = [[name, column.dtype.str[1:], list(column.shape)] for name, column in columns]
    told = json.dumps({"document": document, "arrays": shapes}).encode()
    data = b"".join(column.tobytes() for _, column in columns)
    return _LENGTHS.pack(len(told), len(data)) + told + data


def read_frame(read: Read) -> Frame:
    """Read one frame.

    Raises
    ------
    MalformedFrame
        If it is none, or larger than any answer.
    """
    n_document, n_data = _LENGTHS.unpack(read(_LENGTHS.size))
    if n_document > _MOST_DOCUMENT or n_data > _MOST_ARRAYS:
        raise MalformedFrame(f"a frame of {n_document} and {n_data} bytes is too large")
    told, data = read(n_document), read(n_data)
    try:
        head = json.loads(told)
        arrays = _arrays(head["arrays"], data)
        document = head["document"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedFrame(f"a frame can't be read: {type(error).__name__}: {error}") from error
    if not isinstance(document, dict):
        raise MalformedFrame("a frame's document is no object")
    return Frame(document, arrays)


def _arrays(shapes: Any, data: bytearray) -> dict[str, np.ndarray]:
    arrays, at = {}, 0
    for name, kind, shape in shapes:
        sizes = [int(size) for size in shape]
        if len(sizes) > _MOST_AXES or any(size < 0 for size in sizes):
            raise ValueError(f"shape {sizes}")
        count = math.prod(sizes)
        arrays[str(name)] = np.frombuffer(data, _DTYPES[kind], count, at).reshape(sizes)
        at += 8 * count
    if at != len(data):
        raise ValueError(f"{len(data)} bytes of arrays where {at} are told")
    return arrays
