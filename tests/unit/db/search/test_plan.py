from __future__ import annotations

import pytest

from geofix.db.search.partition import Partition, VectorIndex
from geofix.db.search.plan import (
    COMPACT_EF,
    DISSIMILAR_EF,
    EXACT_ROWS,
    LARGEST_EF,
    NARROWS,
    NEAREST_EF,
    ROOM,
    WIDENS,
    SearchPlan,
    parts_for,
    plan_search,
    widths,
)

MILLION = 1_000_000

NEAREST, DISSIMILAR = (round(wide * 4**-NARROWS) for wide in (NEAREST_EF, DISSIMILAR_EF))
"""In one of four graphs."""


def planned(
    *, rows: int, total: int = MILLION, limit: int = 32, sign: float = 1.0, raw: bool = False,
    indexed: bool = True, parts: int = 4, cores: int = 1,
) -> SearchPlan:  # fmt: skip
    index = VectorIndex("embeddings_1_full_1", "full", 1, total, total, parts)
    partition = Partition(1, 8, 1, index if indexed else None, 1, 0)
    return plan_search(
        partition, rows=rows, total=total, limit=limit, sign=sign, raw=raw, cores=cores,
    )  # fmt: skip


def test_all_of_many_vectors_are_searched_along_the_index() -> None:
    assert planned(rows=MILLION) == SearchPlan("index", ef_search=NEAREST)
    assert planned(rows=MILLION, sign=-1.0) == SearchPlan("index", ef_search=DISSIMILAR)


@pytest.mark.parametrize(("cores", "connections"), [(1, 1), (2, 2), (4, 4), (16, 4)])
def test_as_many_graphs_go_at_once_as_there_are_cores(cores: int, connections: int) -> None:
    assert planned(rows=MILLION, cores=cores).connections == connections


def test_the_view_is_wider_in_larger_graphs() -> None:
    assert planned(rows=MILLION, parts=1).ef_search == round(NEAREST_EF * 4**WIDENS) == 501
    assert planned(rows=MILLION, parts=1, sign=-1.0).ef_search == LARGEST_EF
    assert planned(rows=MILLION // 10, total=MILLION // 10, parts=1).ef_search == NEAREST_EF


def test_a_compact_graph_is_looked_at_wider_since_its_order_is_coarse() -> None:
    assert widths(VectorIndex("i", "compact", 1, 1, 1000, 4)) == (COMPACT_EF, LARGEST_EF)


@pytest.mark.parametrize(
    ("vectors", "parts"),
    [(20_001, 1), (49_999, 1), (50_000, 2), (500_000, 2), (500_001, 3), (MILLION, 4),
     (10 * MILLION, 8)],
)  # fmt: skip
def test_graphs_are_as_many_as_keep_each_small(vectors: int, parts: int) -> None:
    assert parts_for(vectors) == parts


@pytest.mark.parametrize("without", ["an index", "centring", "many vectors", "fewer than asked"])
def test_past_every_vector_where_the_index_does_not_serve(without: str) -> None:
    exact = SearchPlan("exact")
    assert {
        "an index": planned(rows=MILLION, indexed=False),
        "centring": planned(rows=MILLION, raw=True),
        "many vectors": planned(rows=EXACT_ROWS),
        "fewer than asked": planned(rows=EXACT_ROWS + 1, limit=EXACT_ROWS + 1),
    }[without] == exact


@pytest.mark.parametrize(
    ("sign", "total", "most"),
    [(1.0, MILLION, 50_000), (-1.0, MILLION, 120_000), (1.0, 10 * MILLION, 50_000),
     (1.0, 600_000, 30_000), (-1.0, 600_000, 72_000), (-1.0, 100_000, EXACT_ROWS)],
)  # fmt: skip
def test_a_small_share_is_compared_one_by_one_up_to_more(
    sign: float, total: int, most: int
) -> None:
    assert planned(rows=most, total=total, sign=sign).way == "exact"
    assert planned(rows=most + 1, total=total, sign=sign).way == "index"


def test_one_vector_more_than_is_compared_one_by_one_takes_the_index() -> None:
    assert planned(rows=EXACT_ROWS + 1, total=EXACT_ROWS + 1).way == "index"


def test_in_a_region_the_view_is_as_much_wider_as_it_is_small() -> None:
    assert planned(rows=MILLION - 1).ef_search == NEAREST
    assert planned(rows=MILLION // 16).ef_search == ROOM * 32 * 16 // 4
    assert planned(rows=MILLION // 16, parts=1).ef_search == ROOM * 32 * 16
    assert planned(rows=MILLION // 16, limit=320).ef_search == LARGEST_EF
    assert planned(rows=MILLION // 5, sign=-1.0).ef_search == DISSIMILAR


def test_as_many_candidates_as_are_asked_for_and_no_more_than_pgvector_keeps() -> None:
    assert planned(rows=MILLION, limit=600).ef_search == 600
    assert planned(rows=MILLION, limit=5000).ef_search == LARGEST_EF


def test_the_most_dissimilar_are_looked_for_as_widely_in_two_graphs_as_in_one() -> None:
    assert planned(rows=100_000, total=100_000, parts=2, sign=-1).ef_search == DISSIMILAR_EF
    assert planned(rows=100_000, total=100_000, parts=2).ef_search == round(
        NEAREST_EF * 2**-NARROWS
    )
