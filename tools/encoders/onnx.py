"""Writes a network as an ONNX file, in memory, for OpenCV to run; the package `onnx` is not needed.

ONNX is a protobuf (github.com/onnx/onnx, onnx/onnx.proto): each field is a number that says which
it is and how it is written, then a varint, or a length and so many bytes. The numbers below are
those of that schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

IR_VERSION = 8
OPERATORS = 13
"""Version of ONNX's own set of operators."""

_FLOAT, _INT, _INTS = 1, 2, 7


class Network:
    """Nodes and weights, added in the order in which they run."""

    def __init__(self) -> None:
        """Start with none."""
        self._nodes: list[bytes] = []
        self._weights: list[bytes | memoryview] = []

    def weight(self, name: str, values: NDArray[np.float32]) -> str:
        """Add constant numbers of any shape; returns their name."""
        shape = [_number(1, length) for length in values.shape]
        numbers = np.ascontiguousarray(values, "<f4")
        inside = b"".join((*shape, _number(2, _FLOAT), _text(8, name), _head(9, numbers.nbytes)))
        self._weights.append(_head(5, len(inside) + numbers.nbytes) + inside)
        # Views, so that megabytes are copied once, into the file.
        self._weights.append(numbers.data.cast("B"))
        return name

    def node(
        self, operator: str, inputs: Sequence[str], output: str, **attributes: int | list[int]
    ) -> str:
        """Add one operation; returns the name of its output."""
        self._nodes.append(
            _message(
                1,
                *(_text(1, name) for name in inputs),
                *(_text(number, output) for number in (2, 3)),
                _text(4, operator),
                *(_attribute(name, value) for name, value in attributes.items()),
            )
        )
        return output

    def file(
        self, inputs: Mapping[str, Sequence[int]], outputs: Mapping[str, Sequence[int]]
    ) -> bytes:
        """Return the ONNX file.

        Args:
            inputs: Shape of each array of float32 that is given, by name.
            outputs: Likewise of those asked for.
        """
        graph = [
            *self._nodes,
            _text(2, "network"),
            *self._weights,
            *(_array(11, name, shape) for name, shape in inputs.items()),
            *(_array(12, name, shape) for name, shape in outputs.items()),
        ]
        head = _head(7, sum(len(part) for part in graph))
        operators = _message(8, _text(1, ""), _number(2, OPERATORS))
        return b"".join((_number(1, IR_VERSION), head, *graph, operators))


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _head(field: int, length: int) -> bytes:
    return _varint(field << 3 | 2) + _varint(length)


def _message(field: int, *parts: bytes) -> bytes:
    return b"".join((_head(field, sum(len(part) for part in parts)), *parts))


def _text(field: int, value: str) -> bytes:
    return _message(field, value.encode())


def _attribute(name: str, value: int | list[int]) -> bytes:
    if isinstance(value, int):
        return _message(5, _text(1, name), _number(3, value), _number(20, _INT))
    return _message(5, _text(1, name), *(_number(8, one) for one in value), _number(20, _INTS))


def _array(field: int, name: str, shape: Sequence[int]) -> bytes:
    lengths = [_message(1, _number(1, length)) for length in shape]
    kind = _message(1, _number(1, _FLOAT), _message(2, *lengths))
    return _message(field, _text(1, name), _message(2, kind))
