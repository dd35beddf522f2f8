"""Vectors' rows, handed out block by block to one connection or to two."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from geofix.db.load.vector_rows import ROWS_A_BLOCK, NotFiniteError, Vectors, VectorTuples

ROWS = 5 * ROWS_A_BLOCK + 3

HEAD = [("head", "V6"), ("id", ">i8"), ("places", "V50"), ("country", "S2"), ("size", "V8")]

RECORD = np.dtype([*HEAD, ("vector", ">f2", (2,))])
"""What is looked at of a row of two dimensions."""


def tuples(vectors: Vectors) -> VectorTuples:
    """Rows whose cells go down as their ids go up."""
    rows = len(vectors)
    places = np.zeros(rows), np.zeros(rows), np.arange(rows, 0, -1).astype(np.int32)
    return VectorTuples(np.arange(rows), places, [None] * rows, 1, 1, vectors)


def vectors(kind: type[np.float16 | np.float32] = np.float16) -> Vectors:
    return np.arange(2 * ROWS).reshape(-1, 2).astype(kind)


def ids(block: memoryview) -> list[int]:
    return [int(one) for one in np.frombuffer(block, RECORD)["id"]]


def test_rows_come_once_and_in_the_order_of_their_cells() -> None:
    given = [one for block in tuples(vectors()).blocks() for one in ids(block)]
    assert given == list(range(ROWS - 1, -1, -1))


def test_two_take_from_both_ends_until_they_meet() -> None:
    rows = tuples(vectors())
    first, last = rows.blocks(), rows.blocks(from_end=True)
    ours = [one for _ in range(3) for one in ids(next(first))]
    theirs = [ids(block) for block in last]
    assert list(first) == []
    assert theirs[0][-1] == 0
    together = [*ours, *(one for block in reversed(theirs) for one in block)]
    assert together == list(range(ROWS - 1, -1, -1))


def test_a_block_holds_what_pgvector_reads() -> None:
    block = np.frombuffer(next(tuples(vectors(np.float32)).blocks()), RECORD)
    assert block["country"][0] == b"ZZ"
    assert block["vector"][0].tolist() == [2 * ROWS - 2, 2 * ROWS - 1]
    assert block["size"][0].tobytes() == bytes([0, 0, 0, 8, 0, 2, 0, 0])


@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(kind: type[np.float16 | np.float32], value: float) -> None:
    wrong = vectors(kind)
    wrong[7, 1] = value
    with pytest.raises(NotFiniteError):
        list(tuples(wrong).blocks())


def test_beyond_halves_is_refused() -> None:
    wrong = vectors(np.float32)
    wrong[7, 1] = 70_000
    with pytest.raises(NotFiniteError):
        list(tuples(wrong).blocks())


def test_where_one_fails_the_other_is_given_nothing_more() -> None:
    rows = tuples(vectors())
    with closing(rows.blocks()) as ours:
        next(ours)
    assert list(rows.blocks(from_end=True)) == []


def test_where_the_photos_fail_no_more_vectors_are_given() -> None:
    rows = tuples(vectors())
    ours = rows.blocks()
    next(ours)
    rows.give_up()
    assert list(ours) == []
