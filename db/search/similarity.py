"""Likeness as SQL, the statements that rank by it, and shares asked over connections at once.

Centred, `cos(x - m, p) = (x.p - m.p) / |x - m|` for a unit probe `p`. Written so, Postgres makes
two passes over the stored numbers and no third vector, which takes 0.61 us a row of 768 where
`(x - m) <=> p` takes 1.42 (raw: 0.54; 200,000 rows, one process).

Postgres scans an index with one process: further connections are how a search comes to use more
cores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.sqlalchemy import BIT, HALFVEC
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Double,
    Engine,
    Executable,
    Integer,
    Select,
    TableClause,
    Text,
    bindparam,
    cast,
    event,
    func,
    literal_column,
    select,
)
from sqlalchemy.types import UserDefinedType

from geofix.db.engine import engine_address, open_engine, pool_of
from geofix.db.errors import GalleryError
from geofix.db.round_trip import (
    AHEAD,
    LIMIT_MS,
    Ahead,
    Transaction,
    connect_unchecked,
    without_transaction,
)
from geofix.db.search.partition import Kind, Partition
from geofix.db.search.query import Search

Vector = NDArray[np.float32]
Column = ColumnElement[Any]


class _SentVector(UserDefinedType[HalfVector]):
    """A vector on its way to the server; the type of pgvector's own would write it as text."""

    cache_ok = True

    def get_col_spec(self, **options: Any) -> str:
        """Name it for SQL."""
        return "HALFVEC"


PROBE, MEAN = (cast(bindparam(name, type_=_SentVector()), HALFVEC()) for name in ("probe", "mean"))
OFFSET: BindParameter[float] = bindparam("offset", type_=Double())
NORM: BindParameter[float] = bindparam("norm", type_=Double())


@dataclass(frozen=True, slots=True)
class PreparedQuery:
    """One query, ready to be compared."""

    probe: Vector
    """What stored vectors are compared with: unit length, negated to ask for the opposite."""
    mean: Vector | None
    """What is subtracted from stored vectors; none compares them raw."""
    parameters: Mapping[str, object]
    """What fills the places in `exact_distance` and `index_distance`: made once, since the threads
    of a search would wait for each other while numpy rounds."""


@lru_cache
def exact_distance(rows: TableClause, *, raw: bool) -> ColumnElement[float]:
    """Return 1 - cosine; NULL or NaN, which sort last, for a vector without direction."""
    stored: Column = rows.c.embedding
    if raw:
        return _distance("<=>", stored, PROBE)
    along = _distance("<#>", stored, PROBE)
    length = _distance("<->", stored, MEAN)
    return literal_column("1", Double()) + (along + OFFSET) / (func.nullif(length, 0.0) * NORM)


@lru_cache
def index_distance(rows: TableClause, dimension: int, kind: Kind) -> ColumnElement[float]:
    """Return the expression that orders rows as an index of centred vectors does."""
    centred = cast(rows.c.embedding - MEAN, HALFVEC(dimension))
    if kind == "full":
        return _distance("<=>", centred, PROBE)
    return _distance("<~>", bits(centred, dimension), bits(PROBE, dimension))


def prepare_query(query: Vector, mean: Vector | None, *, sign: float) -> PreparedQuery:
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
            f"the query of shape {probe.shape!r} is not a vector of finite numbers; give the"
            " encoder's vector of one photo"
        )
    if mean is not None:
        check_dimension(probe, len(mean))
        probe = probe - round_to_half(mean)
    length = float(np.linalg.norm(probe))
    probe = sign * probe / (length or 1.0)
    return PreparedQuery(probe, mean, _parameters(probe, mean))


def round_to_half(vector: Vector) -> Vector:
    """Round to what a `halfvec` holds."""
    return vector.astype(np.float16).astype(np.float32)


def _parameters(probe: Vector, mean: Vector | None) -> dict[str, object]:
    sent = HalfVector(probe)
    if mean is None:
        return {"probe": sent}
    rounded = round_to_half(probe)
    return {
        "probe": sent,
        "mean": HalfVector(mean),
        "offset": float(round_to_half(mean) @ rounded),
        # Rounded to halves, the probe is not quite of unit length any more.
        "norm": float(np.linalg.norm(rounded)),
    }


def check_dimension(query: Vector, dimension: int) -> None:
    """Refuse a query that cannot be compared with what is stored.

    Raises:
        GalleryError: Its dimension is another one; both are named.
    """
    if len(query) != dimension:
        raise GalleryError(
            f"the query has {len(query)!r} dimensions, and the gallery's vectors of this encoder"
            f" have {dimension!r}; use the weights that embedded the gallery"
        )


def bits(vector: Column, dimension: int) -> Column:
    """Return the sign of each dimension, one bit each (binary quantisation)."""
    return cast(func.binary_quantize(vector), BIT(dimension))


def _distance(operator: str, left: Column, right: Column) -> ColumnElement[float]:
    return left.op(operator, return_type=Double(), precedence=5)(right)


Ranked = list[tuple[int, float]]
"""Photo id and 1 - cosine, closest first."""

LIMIT = bindparam("limit", type_=Integer())

Settings = Mapping[str, str]
"""What a search runs under, by name; it ends with the search."""


@dataclass(frozen=True, slots=True)
class PartitionQuery:
    """What is asked of a partition."""

    prepared: PreparedQuery
    sign: float
    """1 for the most similar, -1 for the most dissimilar."""
    limit: int
    search: Search
    gallery_ids: tuple[int, ...] | None = None
    """Ids of the galleries to search; none means all."""

    def parameters(self) -> dict[str, object]:
        """Return what fills the places in the statements that compare."""
        return {**self.prepared.parameters, "limit": self.limit, **self._places()}

    def _places(self) -> dict[str, object]:
        places: dict[str, object] = {}
        for number, area in enumerate(self.search.areas):
            places |= area.parameters(f"area{number}")
        for number, area in enumerate(self.search.outside):
            places |= area.parameters(f"outside{number}")
        return places


def query_conditions(partition: Partition, asked: PartitionQuery) -> list[ColumnElement[bool]]:
    """Return what rows have to satisfy beside being close."""
    rows = partition.table
    wanted: list[ColumnElement[bool]] = []
    for number, area in enumerate(asked.search.areas):
        wanted += area.conditions(rows, f"area{number}")
    for number, area in enumerate(asked.search.outside):
        wanted.append(area.outside(rows, f"outside{number}"))
    if asked.gallery_ids is not None:
        wanted.append(rows.c.gallery_id.in_(asked.gallery_ids))
    return wanted


def fetch_ranked(
    connection: Connection,
    partition: Partition,
    settings: Settings,
    statement: Executable,
    parameters: Mapping[str, object],
) -> Ranked:
    """Return what a statement selects under some settings: photo ids and distances."""
    ahead = (
        # Citus sends workers only what it is told literally, in a transaction. Elsewhere that would
        # cost: eight statements more in the trip took a read of one row from 0.46 to 0.58 ms.
        Transaction(tuple(settings.items()))
        if partition.distributed
        else Ahead(_set(tuple(settings)), {_place(name): settings[name] for name in settings})
    )
    rows = connection.execute(statement, parameters, execution_options={AHEAD: ahead}).all()
    # A vector without direction, one that is the mean, is like nothing and never found.
    return closest_first([(int(row[0]), float(row[1])) for row in rows if row[1] is not None])


def closest_first(found: Ranked) -> Ranked:
    """Return what was found in order, ties by the lower id, without what has no distance."""
    there = [one for one in found if not math.isnan(one[1])]
    return sorted(there, key=lambda one: (one[1], one[0]))


@lru_cache
def _set(names: tuple[str, ...]) -> Select[Any]:
    """Return a statement that sets what holds until the transaction ends, from its parameters."""
    calls = (func.set_config(name, bindparam(_place(name), type_=Text()), True) for name in names)
    return select(*calls)


def _place(name: str) -> str:
    return name.replace(".", "_")


Share = TypeVar("Share")

MOST_SHARES = 32
"""Shares, beside the first of each search; more wait for a thread."""

_THREADS = ThreadPoolExecutor(MOST_SHARES, thread_name_prefix="geofix-share")
"""Shared by all searches: starting one takes a millisecond. None starts before it is needed."""

_opened: WeakKeyDictionary[Engine, Engine] = WeakKeyDictionary()
_lock = Lock()


@contextmanager
def ask_in_parallel(
    engine: Engine, shares: Sequence[Share], ask: Callable[[Connection, Share], Ranked]
) -> Iterator[Ranked]:
    """Ask some shares while the caller asks another; all is in the list given, once it ends.

    Args:
        engine: Whose server is asked.
        shares: Each gets a connection and a thread; the caller's own is not among them.
        ask: Asks one share.
    """

    def elsewhere(share: Share) -> Ranked:
        with connect_unchecked(second_pool(engine)) as other:
            return ask(without_transaction(other), share)

    others = [_THREADS.submit(elsewhere, share) for share in shares]
    found: Ranked = []
    try:
        yield found
    finally:
        wait(others)
    for other in others:
        found += other.result()


def second_pool(engine: Engine) -> Engine:
    """Return an engine to the same server with connections of its own.

    Whoever holds a connection and waits for one more of the same pool waits for ever once all do.
    It follows the server, has as many connections and as long a limit as `engine`, and is disposed
    of with it.
    """
    with _lock:
        if engine not in _opened:
            size, timeout_s = pool_of(engine)
            _opened[engine] = open_engine(
                engine_address(engine),
                statement_timeout_ms=engine.get_execution_options()[LIMIT_MS],
                pool_size=size,
                pool_timeout_s=timeout_s,
            )
            event.listen(engine, "engine_disposed", dispose_second_pool)
        return _opened[engine]


def dispose_second_pool(engine: Engine) -> None:
    """Close the connections of an engine's second pool, where it has one."""
    with _lock:
        other = _opened.get(engine)
    if other is not None:
        other.dispose()
