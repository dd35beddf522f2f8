from __future__ import annotations

import pytest

from geofix.db.partition import Partition, VectorIndex
from geofix.db.plan import DISSIMILAR_EF, EXACT_ROWS, LARGEST_EF, NEAREST_EF, ROOM, Plan, plan

MILLION = 1_000_000


def planned(
    *, rows: int, total: int = MILLION, limit: int = 32, sign: float = 1.0, raw: bool = False,
    indexed: bool = True,
) -> Plan:  # fmt: skip
    index = VectorIndex("embeddings_1_full_1", "full", 1, upto=total, photos=total)
    partition = Partition(1, 8, 1, index if indexed else None, 1, 0, sharded=False)
    return plan(partition, rows=rows, total=total, limit=limit, sign=sign, raw=raw)


def test_all_of_many_vectors_are_searched_along_the_index() -> None:
    assert planned(rows=MILLION) == Plan("index", ef_search=NEAREST_EF)
    assert planned(rows=MILLION, sign=-1.0) == Plan("index", ef_search=DISSIMILAR_EF)


@pytest.mark.parametrize("without", ["an index", "centring", "many vectors", "fewer than asked"])
def test_past_every_vector_where_the_index_does_not_serve(without: str) -> None:
    exact = Plan("exact")
    assert {
        "an index": planned(rows=MILLION, indexed=False),
        "centring": planned(rows=MILLION, raw=True),
        "many vectors": planned(rows=EXACT_ROWS),
        "fewer than asked": planned(rows=EXACT_ROWS + 1, limit=EXACT_ROWS + 1),
    }[without] == exact


def test_one_vector_more_than_is_compared_one_by_one_takes_the_index() -> None:
    assert planned(rows=EXACT_ROWS + 1, total=EXACT_ROWS + 1).way == "index"


def test_in_a_region_the_view_is_as_much_wider_as_it_is_small() -> None:
    assert planned(rows=MILLION // 4).ef_search == ROOM * 32 * 4
    assert planned(rows=MILLION - 1).ef_search == NEAREST_EF
    assert planned(rows=MILLION // 40).ef_search == LARGEST_EF
    assert planned(rows=MILLION // 4, sign=-1.0).ef_search == DISSIMILAR_EF


def test_as_many_candidates_as_are_asked_for_and_no_more_than_pgvector_keeps() -> None:
    assert planned(rows=MILLION, limit=600).ef_search == 600
    assert planned(rows=MILLION, limit=5000).ef_search == LARGEST_EF
