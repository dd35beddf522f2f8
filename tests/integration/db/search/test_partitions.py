"""How the vectors of each encoder are kept."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from tests.integration.db.search.random_gallery import add, cosines, names, unit


def test_encoders_of_unlike_dimension_live_side_by_side(engine: Engine) -> None:
    rng = np.random.default_rng(11)
    small, large = unit(rng, 20, 3), unit(rng, 20, 40)
    add(engine, small, encoder="small")
    add(engine, large, encoder="large")
    for name, kept in (("small", small), ("large", large)):
        query = kept[5]
        near = Gallery(engine).nearest(query, 20, Search(encoder=name))
        order = np.argsort(-cosines(kept, query, centred=True))
        assert [hit.external_id for hit in near] == names(list(order))
    with engine.connect() as connection:
        rows = connection.execute(
            text("select tableoid::regclass::text, count(*) from embeddings group by 1 order by 1")
        ).all()
        photos = connection.execute(text("select count(*) from photos")).scalar()
    assert [tuple(row) for row in rows] == [("embeddings_1", 20), ("embeddings_2", 20)]
    assert photos == 20


def test_a_partition_refuses_a_vector_of_another_dimension(engine: Engine) -> None:
    add(engine, unit(np.random.default_rng(1), 2, 3))
    statement = text(
        "update embeddings set embedding = '[1,2,3,4]' where photo_id ="
        " (select min(photo_id) from embeddings)"
    )
    with (
        pytest.raises(IntegrityError, match="embeddings_1_dimension_check"),
        engine.begin() as connection,
    ):
        connection.execute(statement)


def test_vectors_are_kept_inline(engine: Engine) -> None:
    add(engine, unit(np.random.default_rng(1), 2, 3))
    stored = text(
        "select attstorage::text from pg_attribute where attname = 'embedding'"
        " and attrelid in ('embeddings'::regclass, 'embeddings_1'::regclass)"
    )
    with engine.connect() as connection:
        assert connection.execute(stored).scalars().all() == ["p", "p"]
