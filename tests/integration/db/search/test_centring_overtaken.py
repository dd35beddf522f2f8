"""A search between whose two looks at the database a new mean came, or that finds no mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, text

from geofix.db.errors import GalleryError
from geofix.db.load.index_lifecycle import build_index, refresh_centring
from geofix.db.search import gallery
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from geofix.db.search.status import encoder_statuses
from tests.integration.db.search.structured_gallery import add, is_exact, likeness, made


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


def test_a_missing_mean_is_an_error_and_not_an_endless_loop(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(engine, slice(0, 300), vectors=made(1500))
    build_index(engine, "e")
    with engine.begin() as connection:
        connection.execute(text("delete from centrings"))
    looks = 0
    look = gallery.partition_of

    def counted(*args: Any) -> Any:
        nonlocal looks
        looks += 1
        assert looks < 100, "it looks for the mean again and again"
        return look(*args)

    monkeypatch.setattr(gallery, "partition_of", counted)
    query = made(1500).query_vectors[0]
    opened = Gallery(engine)
    missing = r"version 1 of the mean vector of encoder 'e' is missing.*`geofix gallery reindex`"
    with pytest.raises(GalleryError, match=missing):
        opened.nearest(query, 8, Search(encoder="e"))
    with pytest.raises(GalleryError, match=missing):
        opened.centring("e")
    assert len(opened.nearest(query, 8, Search(encoder="e", vectors="raw"))) == 8
    assert "is missing" in str(encoder_statuses(engine)[0].advice)

    build_index(engine, "e")
    assert opened.centring("e") is not None
    assert len(opened.nearest(query, 8, Search(encoder="e"))) == 8
    assert encoder_statuses(engine)[0].advice is None
