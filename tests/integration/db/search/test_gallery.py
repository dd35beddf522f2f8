from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from sqlalchemy import Engine, text

from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from tests.integration.db.search.random_gallery import Floats, add, cosines, names, unit


@pytest.mark.parametrize("vectors", ["centred", "raw"])
def test_both_directions_equal_an_exact_ranking_in_numpy(
    engine: Engine, vectors: Literal["centred", "raw"]
) -> None:
    rng = np.random.default_rng(7)
    kept, query = unit(rng, 60, 8), unit(rng, 1, 8)[0]
    add(engine, kept)
    likeness = cosines(kept, query, centred=vectors == "centred")
    search = Search(encoder="e", vectors=vectors)

    near = Gallery(engine).nearest(query, 10, search)
    far = Gallery(engine).most_dissimilar(query, 10, search)

    order = np.argsort(-likeness, kind="stable")
    assert [hit.external_id for hit in near] == names(list(order[:10]))
    assert [hit.external_id for hit in far] == names(list(order[::-1][:10]))
    np.testing.assert_allclose([hit.similarity for hit in near], likeness[order[:10]], atol=1e-6)
    np.testing.assert_allclose(
        [hit.similarity for hit in far], likeness[order[::-1][:10]], atol=1e-6
    )


def test_centring_changes_what_most_dissimilar_means(engine: Engine) -> None:
    rng = np.random.default_rng(7)
    kept, query = unit(rng, 60, 8), unit(rng, 1, 8)[0]
    add(engine, kept)
    found = {
        vectors: [
            hit.external_id
            for hit in Gallery(engine).most_dissimilar(
                query, 10, Search(encoder="e", vectors=vectors)
            )
        ]
        for vectors in ("centred", "raw")
    }
    assert found["centred"] != found["raw"]


def test_fewer_than_sixteen_photos_are_compared_raw(engine: Engine) -> None:
    rng = np.random.default_rng(3)
    kept, query = unit(rng, 15, 4), unit(rng, 1, 4)[0]
    add(engine, kept)
    near = Gallery(engine).nearest(query, 15, Search(encoder="e"))
    order = np.argsort(-cosines(kept, query, centred=False))
    assert [hit.external_id for hit in near] == names(list(order))


@pytest.mark.parametrize("copies", [3, 20])
def test_ties_go_to_the_lower_id(engine: Engine, copies: int) -> None:
    one = np.array([0.6, 0.8, 0.0], dtype=np.float32)
    other = np.array([0.0, 0.6, 0.8], dtype=np.float32)
    add(engine, np.array([other, *[one] * copies]))
    search = Search(encoder="e")
    near = Gallery(engine).nearest(one, 3, search)
    assert [hit.external_id for hit in near] == ["p001", "p002", "p003"]
    assert near[0].photo_id < near[1].photo_id < near[2].photo_id
    assert near[0].similarity == near[2].similarity == pytest.approx(1.0, abs=1e-4)
    far = Gallery(engine).most_dissimilar(one, 3, search)
    assert [hit.external_id for hit in far] == ["p000", "p001", "p002"]


def test_a_hit_carries_what_is_known_of_the_photo(engine: Engine) -> None:
    photo = GeotaggedPhoto(
        source="street",
        external_id="one",
        latitude=-17.5,
        longitude=179.25,
        accuracy_km=2.5,
        country="FJ",
        author="Ann",
        licence="CC-BY-4.0",
        attribution="Ann, CC-BY-4.0",
    )
    Ingest(engine).add("isles", "e", [photo], np.array([[1.0, 0.0]], dtype=np.float32))
    (hit,) = Gallery(engine).nearest(np.array([-1.0, 0.0], np.float32), 1, Search(encoder="e"))
    assert hit.similarity == -1.0
    assert type(hit.similarity) is float
    for name in (
        "source", "external_id", "latitude", "longitude", "accuracy_km", "country", "author",
        "licence", "attribution",
    ):  # fmt: skip
        assert getattr(hit, name) == getattr(photo, name), name
    assert hit.gallery == "isles"


def test_the_photo_itself_is_left_out_by_its_hash(engine: Engine) -> None:
    kept = unit(np.random.default_rng(1), 5, 3)
    add(engine, kept)
    bare = GeotaggedPhoto("made", "no hash", 10.0, 20.0)
    Ingest(engine).add("g", "e", [bare], kept[2:3])
    search = Search(encoder="e", without_sha256="p-hash-2")
    near = Gallery(engine).nearest(kept[2], 10, search)
    found = [hit.external_id for hit in near]
    assert "p002" not in found
    assert found[0] == "no hash"
    assert len(found) == 5


def test_one_record_says_why_fewer_came_back_than_were_asked_for(engine: Engine) -> None:
    kept = unit(np.random.default_rng(1), 6, 3)
    add(engine, kept, gallery="a")
    # The same six pictures again; of the first gallery one photo goes without its vector.
    add(engine, kept, gallery="b")
    with engine.begin() as connection:
        connection.execute(text("delete from photos where external_id = 'p005' and gallery_id = 1"))
    search = Search(encoder="e", without_sha256="p-hash-2")
    near = Gallery(engine).nearest(kept[0], 10, search)
    (how,) = near.how
    assert (how.asked, how.found, how.rows) == (10, 5, 12)
    # p000, p001, p003 and p004 are there twice, and p005 once; both copies of p002 ask.
    assert (how.twins, how.own, how.removed) == (4, 2, 1)
    assert how.found + how.twins + how.own + how.removed == how.rows
    (how,) = Gallery(engine).nearest(kept[0], 2, search).how
    assert (how.asked, how.found) == (2, 2)


@pytest.mark.parametrize("first", ["bare", "with files"])
def test_of_two_copies_the_one_whose_picture_is_here_is_found(
    engine: Engine, tmp_path: Path, first: str
) -> None:
    kept = unit(np.random.default_rng(1), 3, 3)
    here = tmp_path / "1.jpg"
    here.write_bytes(b"a picture")
    locations = {"bare": {0: "/gone.jpg", 1: "/gone.jpg"}, "with files": {1: str(here)}}
    for gallery in (first, *(locations.keys() - {first})):
        add(engine, kept, gallery=gallery, locations=locations[gallery])
    found = Gallery(engine).nearest(kept[1], 10, Search(encoder="e"))
    of = {hit.external_id: hit.gallery for hit in found}
    assert of == {"p000": first, "p001": "with files", "p002": first}
    assert found[0].external_id == "p001" and found[0].similarity == pytest.approx(1, abs=1e-3)
    assert found.how[0].twins == 3
    named = Gallery(engine).nearest(kept[1], 10, Search(encoder="e", galleries=("bare",)))
    assert {hit.gallery for hit in named} == {"bare"}


def test_the_very_file_is_told_with_its_place_in_the_galleries_named(engine: Engine) -> None:
    kept = unit(np.random.default_rng(1), 3, 3)
    for gallery in ("a", "b"):
        add(engine, kept, gallery=gallery)
    gallery = Gallery(engine)
    both = gallery.copies("p-hash-2", (), 5)
    assert [(one.gallery, one.external_id) for one in both] == [("a", "p002"), ("b", "p002")]
    (hit,) = gallery.nearest(kept[2], 1, Search(encoder="e", galleries=("b",)))
    (copy,) = gallery.copies("p-hash-2", ("b",), 5)
    assert (copy.latitude, copy.longitude) == (hit.latitude, hit.longitude)
    assert len(gallery.copies("p-hash-2", (), 1)) == 1
    assert gallery.copies("p-hash-9", (), 5) == []
    assert gallery.copies("p-hash-2", ("removed since",), 5) == []


def test_a_question_that_is_the_mean_says_why_it_found_nothing(engine: Engine) -> None:
    add(engine, unit(np.random.default_rng(1), 40, 3))
    gallery = Gallery(engine)
    centring = gallery.centring("e")
    assert centring is not None
    found = gallery.nearest(centring.mean, 5, Search(encoder="e"))
    assert len(found) == 0
    assert (found.how[0].asked, found.how[0].found) == (5, 0)
    assert "equals the mean of all" in (found.how[0].note or "")


def test_only_the_named_galleries_are_searched(engine: Engine) -> None:
    kept = unit(np.random.default_rng(1), 6, 3)
    for index, gallery in enumerate(("a", "b", "c")):
        add(engine, kept[2 * index :][:2], gallery=gallery, prefix=gallery)
    search = Search(encoder="e", galleries=("a", "c"))
    near = Gallery(engine).nearest(kept[2], 10, search)
    assert sorted(hit.external_id for hit in near) == ["a000", "a001", "c000", "c001"]
    assert {hit.gallery for hit in near} == {"a", "c"}
    assert Gallery(engine).count(search) == 4
    assert Gallery(engine).count(Search(encoder="e")) == 6


def test_k_of_zero_and_fewer_photos_than_asked(engine: Engine) -> None:
    kept = unit(np.random.default_rng(1), 3, 3)
    add(engine, kept)
    gallery, search = Gallery(engine), Search(encoder="e")
    assert len(gallery.nearest(kept[0], 0, search)) == 0
    assert len(gallery.most_dissimilar(kept[0], 0, search)) == 0
    assert len(gallery.nearest(kept[0], 16, search)) == 3
    assert len(gallery.nearest(kept[0], 16, Search(encoder="nobody"))) == 0


def corners() -> Floats:
    """Sixteen vectors whose mean, all halves, is exact in float16."""
    around = np.concatenate([np.eye(8), -np.eye(8)]) * 0.25
    return (around + 0.5).astype(np.float32)


def test_a_photo_at_the_mean_has_no_direction_and_is_not_found(engine: Engine) -> None:
    mean = np.full((1, 8), 0.5, dtype=np.float32)
    add(engine, np.concatenate([mean, corners()]))
    gallery, search = Gallery(engine), Search(encoder="e")
    query = corners()[3]
    near, far = gallery.nearest(query, 17, search), gallery.most_dissimilar(query, 17, search)
    assert near[0].external_id == far[-1].external_id == "p004"
    assert near[-1].external_id == far[0].external_id == "p012"
    assert len(near) == len(far) == 16
    assert "p000" not in {hit.external_id for hit in [*near, *far]}
    assert np.isfinite([hit.similarity for hit in [*near, *far]]).all()


def test_a_query_at_the_mean_finds_nothing_and_does_not_crash(engine: Engine) -> None:
    add(engine, corners())
    query = np.full(8, 0.5, dtype=np.float32)
    gallery, search = Gallery(engine), Search(encoder="e")
    assert len(gallery.nearest(query, 5, search)) == 0
    assert len(gallery.most_dissimilar(query, 5, search)) == 0
    assert len(gallery.nearest(query, 5, Search(encoder="e", vectors="raw"))) == 5


def test_a_picture_in_several_galleries_has_one_vote(engine: Engine) -> None:
    rng = np.random.default_rng(5)
    vectors = unit(rng, 20, 8)
    for gallery in ("one", "two", "three"):
        add(engine, vectors, gallery=gallery)
    found = Gallery(engine).nearest(vectors[0], 6, Search(encoder="e"))
    assert len({hit.external_id for hit in found}) == 6
    alone = Gallery(engine).nearest(vectors[0], 6, Search(encoder="e", galleries=("two",)))
    assert [hit.external_id for hit in found] == [hit.external_id for hit in alone]
    everything = Gallery(engine).nearest(vectors[0], 100, Search(encoder="e"))
    assert len(everything) == 20
