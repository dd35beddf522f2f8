"""A search between whose two looks at the database a new mean came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from geofix.db import gallery
from geofix.db.gallery import Gallery
from geofix.db.indexing import refresh_centring
from geofix.db.search import Search
from tests.integration.db.structured import add, is_exact, likeness, made


def test_it_does_not_fall_back_to_raw_vectors(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(engine, slice(0, 300), vectors=made(1500))
    refresh_centring(engine, "e")
    read, waiting = gallery.read_centring, [refresh_centring]

    def overtaken(*args: Any) -> Any:
        if waiting:
            waiting.pop()(engine, "e")
        return read(*args)

    monkeypatch.setattr(gallery, "read_centring", overtaken)
    query = made(1500).query_vectors[0]
    hits = Gallery(engine).nearest(query, 8, Search(encoder="e", exact=True))
    assert not waiting
    allowed = np.arange(1500) < 300
    is_exact(hits, likeness(engine, query, rows=1500), allowed, 8, 1)
