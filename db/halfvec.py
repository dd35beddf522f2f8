"""Vectors as pgvector's `halfvec`: rounded, written down in statements, or sent as bytes.

A search sends its probe and the mean in the four statements of a round trip or two: as bytes that
is 1.5 kB each at 768 dimensions where text takes 8 kB, and Postgres need not parse them.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import HALFVEC
from psycopg import Connection
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import ColumnElement, bindparam, cast
from sqlalchemy.types import UserDefinedType

Vector = NDArray[np.float32]


def round_to_half(vector: Vector) -> Vector:
    """Round to what a `halfvec` holds."""
    return vector.astype(np.float16).astype(np.float32)


def halfvec_text(vector: Vector) -> str:
    """Write a vector as pgvector reads it, rounded as a `halfvec` is.

    An index names its mean so; a search sends the same halves as bytes, which is the same constant
    to Postgres, or the index would not be used.
    """
    return "[" + ",".join(map(repr, round_to_half(vector).tolist())) + "]"


def parameter(name: str) -> ColumnElement[Any]:
    """Return the place of a vector in a statement, filled by name with `HalfvecBytes`."""
    return cast(bindparam(name, type_=_Sent()), HALFVEC())


def register_halfvec(connection: Connection[Any]) -> None:
    """Let a driver's connection send vectors as bytes."""
    connection.adapters.register_dumper(HalfvecBytes, _HalvesDumper)


class HalfvecBytes(bytes):
    """pgvector's binary form of a `halfvec`: dimension and nothing, then the numbers."""


def halfvec_bytes(vector: Vector) -> HalfvecBytes:
    """Return what is sent in the place of a `parameter`."""
    return HalfvecBytes(struct.pack(">HH", len(vector), 0) + vector.astype(">f2").tobytes())


class _HalvesDumper(Dumper):
    """Sends them with no type of their own: the statement casts them."""

    format = Format.BINARY
    oid = 0

    def dump(self, obj: HalfvecBytes) -> bytes:
        return bytes(obj)


class _Sent(UserDefinedType[HalfvecBytes]):
    """A vector on its way to the server."""

    cache_ok = True

    def get_col_spec(self, **options: Any) -> str:
        """Name it for SQL."""
        return "HALFVEC"
