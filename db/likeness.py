"""How unlike a query and the stored vectors are, as SQL: 1 - cosine, centred or raw.

Centred, `cos(x - m, p) = (x.p - m.p) / |x - m|` for a unit probe `p`. Written so, Postgres makes
two passes over the stored numbers and no third vector, which takes 0.61 us a row of 768 where
`(x - m) <=> p` takes 1.42 (raw: 0.54; 200,000 rows, one process).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import BIT, HALFVEC
from sqlalchemy import ColumnElement, Double, cast, func, literal
from sqlalchemy.types import UserDefinedType

from geofix.db.errors import GalleryError
from geofix.db.partition import Partition

Vector = NDArray[np.float32]
Column = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Likeness:
    """One query, ready to be compared."""

    probe: Vector
    """What stored vectors are compared with: unit length, negated to ask for the opposite."""
    mean: Vector | None
    """What is subtracted from stored vectors; none compares them raw."""

    def exact(self, partition: Partition) -> ColumnElement[float]:
        """Return 1 - cosine; NULL or NaN, which sort last, for a vector without direction."""
        stored: Column = partition.table.c.embedding
        if self.mean is None:
            return _distance("<=>", stored, written(self.probe))
        along = _distance("<#>", stored, written(self.probe))
        offset = float(half(self.mean) @ half(self.probe))
        length = _distance("<->", stored, written(self.mean))
        # Rounded to halves, the probe is not quite of unit length any more.
        norm = float(np.linalg.norm(half(self.probe)))
        return 1.0 + (along + offset) / (func.nullif(length, 0.0) * norm)

    def by_index(self, partition: Partition) -> ColumnElement[float]:
        """Return the expression that orders rows as the partition's index does.

        Raises:
            ValueError: There is no index, or vectors are to be compared raw.
        """
        if partition.index is None or self.mean is None:
            raise ValueError(f"no index of {partition.table.name!r} serves this comparison")
        dimension = partition.dimension
        centred = cast(partition.table.c.embedding - written(self.mean), HALFVEC(dimension))
        if partition.index.kind == "full":
            return _distance("<=>", centred, written(self.probe))
        return _distance("<~>", bits(centred, dimension), bits(written(self.probe), dimension))


def likeness(query: Vector, mean: Vector | None, *, sign: float) -> Likeness:
    """Prepare a query.

    Args:
        query: The photo's vector, `[dimension]`, L2-normalised, not centred.
        mean: `[dimension]`; none compares raw.
        sign: 1 asks for the most similar, -1 for the most dissimilar.

    Raises:
        GalleryError: The query is no vector of finite numbers, or not of the mean's dimension.
    """
    probe = np.asarray(query, dtype=np.float32)
    if probe.ndim != 1 or not np.isfinite(probe).all():
        raise GalleryError(
            f"the query, of shape {probe.shape!r}, is no vector of finite numbers; give what the"
            " encoder gave for one photo"
        )
    if mean is not None:
        check_dimension(probe, len(mean))
        probe = probe - half(mean)
    length = float(np.linalg.norm(probe))
    return Likeness(probe=sign * probe / (length or 1.0), mean=mean)


def check_dimension(query: Vector, dimension: int) -> None:
    """Refuse a query that cannot be compared with what is stored.

    Raises:
        GalleryError: Its dimension is another one; both are named.
    """
    if len(query) != dimension:
        raise GalleryError(
            f"the query has {len(query)!r} dimensions, and the gallery's vectors of this encoder"
            f" have {dimension!r}; ask with the weights that embedded the gallery"
        )


def bits(vector: Column, dimension: int) -> Column:
    """Return the sign of each dimension, one bit each (binary quantisation)."""
    return cast(func.binary_quantize(vector), BIT(dimension))


def written(vector: Vector) -> Column:
    """Return a vector as SQL."""
    return cast(literal(as_text(vector), _Written()), HALFVEC())


def as_text(vector: Vector) -> str:
    """Write a vector as pgvector reads it, rounded as a `halfvec` is.

    Index and query have to write the mean alike, or the index would not be used.
    """
    return _text(vector.astype(np.float16).tobytes())


@lru_cache(maxsize=64)
def _text(halves: bytes) -> str:
    """Write a vector down once: it stands several times in a search's statements."""
    numbers = np.frombuffer(halves, dtype=np.float16).astype(np.float32)
    return "[" + ",".join(map(repr, numbers.tolist())) + "]"


def half(vector: Vector) -> Vector:
    """Round to what a `halfvec` holds."""
    return vector.astype(np.float16).astype(np.float32)


class _Written(UserDefinedType[str]):
    """A vector in pgvector's own writing, which goes to the server untouched."""

    cache_ok = True

    def get_col_spec(self, **options: Any) -> str:
        """Name it for SQL."""
        return "HALFVEC"


def _distance(operator: str, left: Column, right: Column) -> ColumnElement[float]:
    return left.op(operator, return_type=Double(), precedence=5)(right)
