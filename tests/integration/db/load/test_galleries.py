from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Engine, text

from geofix.db.errors import GalleryError
from geofix.db.load.galleries import list_galleries, remove_gallery
from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search


def add(engine: Engine, gallery: str, rows: int, encoder: str = "e") -> None:
    photos = [
        GeotaggedPhoto(
            "made", f"{i}", 1.0, float(i), country=("FR", None, "DE")[i % 3],
            licence=(None, "CC0-1.0", "CC-BY-4.0")[i % 3],
        )
        for i in range(rows)
    ]  # fmt: skip
    vectors = np.random.default_rng(0).normal(size=(rows, len(encoder) + 1)).astype(np.float32)
    Ingest(engine).add(gallery, encoder, photos, vectors)
    Ingest(engine).finish(encoder)


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"select count(*) from {table}")).scalar_one())


def test_no_gallery_is_an_empty_list(engine: Engine) -> None:
    assert list_galleries(engine) == []


def test_every_gallery_is_summed_up(engine: Engine) -> None:
    add(engine, "second", 6)
    add(engine, "second", 3, encoder="finer")
    add(engine, "first", 1)
    with engine.begin() as connection:
        connection.execute(text("insert into galleries (name) values ('void')"))
    first, second, void = list_galleries(engine)
    assert (first.name, first.photos, first.countries, first.licences) == ("first", 1, 1, ())
    assert first.encoders == ("e",)
    assert (second.name, second.photos, second.countries) == ("second", 6, 2)
    assert second.encoders == ("e", "finer")
    assert second.licences == ("CC-BY-4.0", "CC0-1.0")
    assert (void.name, void.photos, void.encoders, void.licences) == ("void", 0, (), ())
    assert timedelta() <= datetime.now(UTC) - second.created_at < timedelta(minutes=5)


def test_removing_one_of_two_keeps_the_other(engine: Engine) -> None:
    add(engine, "goes", 20)
    add(engine, "goes", 20, encoder="finer")
    add(engine, "stays", 18)
    assert remove_gallery(engine, "goes") == 20
    assert [(g.name, g.photos, g.encoders) for g in list_galleries(engine)] == [
        ("stays", 18, ("e",))
    ]
    assert (count(engine, "photos"), count(engine, "embeddings")) == (18, 18)
    kept = Gallery(engine).centring("e")
    assert kept is not None
    assert kept.photos == 18
    assert Gallery(engine).centring("finer") is None
    hits = Gallery(engine).nearest(np.array([1, 0], np.float32), 99, Search(encoder="e"))
    assert {hit.gallery for hit in hits} == {"stays"}
    assert len(hits) == 18


def test_a_removed_gallery_can_be_filled_again(engine: Engine) -> None:
    add(engine, "g", 3)
    remove_gallery(engine, "g")
    add(engine, "g", 4)
    assert [(g.name, g.photos) for g in list_galleries(engine)] == [("g", 4)]


def test_an_empty_gallery_can_be_removed(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("insert into galleries (name) values ('void')"))
    assert remove_gallery(engine, "void") == 0
    assert list_galleries(engine) == []


def test_removing_an_unknown_gallery_names_those_there_are(engine: Engine) -> None:
    with pytest.raises(GalleryError, match="no gallery 'x'; the galleries are: none"):
        remove_gallery(engine, "x")
    add(engine, "b", 1)
    add(engine, "a", 1)
    with pytest.raises(GalleryError, match="no gallery 'x'; the galleries are: 'a', 'b'"):
        remove_gallery(engine, "x")
    assert count(engine, "photos") == 2
