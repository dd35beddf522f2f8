from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from sqlalchemy import Engine, text

from geofix.db.load.ingest import Added, GeotaggedPhoto, Ingest
from geofix.db.runs import QueryPhoto, QueryPhotos
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from tests.integration.db.load.loads import counts, one, photo, photos, unit


def test_every_field_comes_back_as_it_was_given(engine: Engine) -> None:
    full = GeotaggedPhoto(
        source="collection",
        external_id="42",
        latitude=-90.0,
        longitude=180.0,
        accuracy_km=1.5,
        country="NZ",
        author="A",
        licence="CC0-1.0",
        attribution="by A",
        captured_at=datetime(2020, 2, 29, 12, 30, tzinfo=UTC),
        sha256="ab" * 32,
        location="/photos/42.jpg",
    )
    Ingest(engine).add("g", "e", [full], unit(1))
    with engine.connect() as connection:
        row = connection.execute(text("select * from photos")).mappings().one()
    assert {name: row[name] for name in GeotaggedPhoto.__slots__} == {
        name: getattr(full, name) for name in GeotaggedPhoto.__slots__
    }


def test_fields_that_some_have_come_back_as_they_were_given(engine: Engine) -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    given = [
        photo(0, captured_at=datetime(1826, 6, 1, 12, tzinfo=UTC), author="A", country="FR"),
        photo(1, captured_at=datetime(2031, 1, 1, 0, 0, 0, 1, tzinfo=east), sha256="ab", author=""),
        photo(2, latitude=-0.1 - 0.2, longitude=1e-300, accuracy_km=0.1, author="A"),
        photo(3, captured_at=datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ]
    Ingest(engine).add("g", "e", given, unit(4))
    # Brought up to date, they go another way.
    for _ in range(2):
        kept = Ingest(engine).known("g", "made", "e", ["p0", "p1", "p2", "p3"])
        assert [kept[one.external_id] for one in given] == given
        given[3] = replace(given[3], latitude=-45.0, captured_at=None, location="/a")
        assert Ingest(engine).add("g", "e", given, unit(4)).updated == 4


def test_adding_twice_updates_and_does_not_double(engine: Engine) -> None:
    ingest = Ingest(engine)
    assert ingest.add("g", "e", photos(3), unit(3)) == Added(new=3, updated=0)
    before = counts(engine)
    ids = one(engine, "select array_agg(id order by external_id) from photos")
    moved = [photo(1, latitude=11.0, author="New"), photo(3)]
    assert ingest.add("g", "e", moved, unit(2, seed=5)) == Added(new=1, updated=1)
    assert counts(engine) == {**before, "photos": 4, "embeddings": 4}
    assert one(engine, "select array_agg(id order by external_id) from photos")[:3] == ids
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "select photos.latitude, author, embedding::text from photos join embeddings on"
                " photo_id = id where external_id = 'p1'"
            )
        ).one()
    assert (row[0], row[1]) == (11.0, "New")
    stored = np.array(json.loads(row[2]), dtype=np.float16)
    np.testing.assert_array_equal(stored, unit(2, seed=5)[0].astype(np.float16))


def test_the_same_id_of_another_source_or_gallery_is_another_photo(engine: Engine) -> None:
    ingest = Ingest(engine)
    ingest.add("g", "e", [photo(0), photo(0, source="other")], unit(2))
    ingest.add("h", "e", [photo(0)], unit(1))
    assert counts(engine)["photos"] == 3 == counts(engine)["embeddings"]


def test_known_says_what_need_not_be_embedded_again(engine: Engine) -> None:
    ingest = Ingest(engine)
    kept = [photo(0, sha256="aa"), photo(1), photo(2, sha256="cc", source="other")]
    ingest.add("g", "e", kept, unit(3))
    made = ingest.known("g", "made", "e", ["p0", "p1", "p2", "p9"])
    assert {name: photo.sha256 for name, photo in made.items()} == {"p0": "aa", "p1": None}
    assert list(ingest.known("g", "other", "e", ["p2"])) == ["p2"]
    assert ingest.known("g", "made", "another encoder", ["p0"]) == {}
    assert ingest.known("another gallery", "made", "e", ["p0"]) == {}


def test_no_photos_are_nothing_to_do(engine: Engine) -> None:
    before = counts(engine)
    assert Ingest(engine).add("g", "e", [], np.empty((0, 4), np.float32)) == Added(0, 0)
    assert counts(engine) == before


@pytest.mark.parametrize(
    "odd",
    [
        "O'Brien; drop table photos --",
        'say "hi"',
        "a\tb\nc\\.\r\n\\N",
        "北京 São 🏔️ \u202e",
        "",
        "\x01",
    ],
)
def test_texts_of_all_sorts_come_back_unchanged(engine: Engine, odd: str) -> None:
    given = photo(0, external_id=odd, source=odd, author=odd, location=odd, attribution=odd)
    Ingest(engine).add(odd, odd, [given], unit(1))
    (hit,) = Gallery(engine).nearest(unit(1)[0], 1, Search(encoder=odd, galleries=(odd,)))
    assert [hit.gallery, hit.source, hit.external_id, hit.author, hit.attribution] == [odd] * 5
    assert list(Ingest(engine).known(odd, odd, odd, [odd])) == [odd]


def test_ids_of_encoders_are_not_used_up_by_loads_and_questions(engine: Engine) -> None:
    QueryPhotos(engine).keep(QueryPhoto("ab", b"jpeg", 1, 1, "JPEG", None, []))
    for _ in range(3):
        Ingest(engine).add("g", "e", photos(1), unit(1))
        QueryPhotos(engine).keep_vector("ab", "e", unit(1)[0])
    assert one(engine, "select last_value from encoders_id_seq") == 1
