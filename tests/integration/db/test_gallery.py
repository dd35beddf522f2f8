from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from geofix.db.engine import open_engine
from geofix.db.errors import GalleryError
from geofix.db.galleries import list_galleries, remove_gallery
from geofix.db.gallery import Gallery, Search
from geofix.db.ingest import GeotaggedPhoto, Ingest

Floats = NDArray[np.float32]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


def add(
    engine: Engine, vectors: Floats, *, gallery: str = "g", encoder: str = "e", prefix: str = "p"
) -> None:
    photos = [
        GeotaggedPhoto("made", f"{prefix}{i:03}", 10.0, 20.0, sha256=f"{prefix}-hash-{i}")
        for i in range(len(vectors))
    ]
    Ingest(engine).add(gallery, encoder, photos, np.asarray(vectors, dtype=np.float32))
    Ingest(engine).finish(encoder)


def unit(rng: np.random.Generator, rows: int, dimension: int) -> Floats:
    """Random directions around one that all share, as the vectors of vision encoders are."""
    vectors = rng.normal(size=(rows, dimension)) + 1.0
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def half(values: NDArray[np.floating]) -> NDArray[np.float64]:
    return values.astype(np.float16).astype(np.float64)


def cosines(vectors: Floats, query: Floats, *, centred: bool) -> NDArray[np.float64]:
    """What pgvector is to compute, in numpy: halfvec arithmetic rounds after every operation."""
    kept, probe = half(vectors), query.astype(np.float64)
    if centred:
        mean = half(kept.mean(axis=0))
        kept, probe = half(kept - mean), probe - mean
    probe = half(probe)
    scale = np.linalg.norm(kept, axis=1) * np.linalg.norm(probe)
    result: NDArray[np.float64] = kept @ probe / scale
    return result


def names(found: list[int]) -> list[str]:
    return [f"p{i:03}" for i in found]


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
    assert len(found) == 5 == Gallery(engine).count(search)


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
    assert gallery.nearest(kept[0], 0, search) == []
    assert gallery.most_dissimilar(kept[0], 0, search) == []
    assert len(gallery.nearest(kept[0], 16, search)) == 3
    assert gallery.nearest(kept[0], 16, Search(encoder="nobody")) == []


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
    assert "p000" not in {hit.external_id for hit in near + far}
    assert np.isfinite([hit.similarity for hit in near + far]).all()


def test_a_query_at_the_mean_finds_nothing_and_does_not_crash(engine: Engine) -> None:
    add(engine, corners())
    query = np.full(8, 0.5, dtype=np.float32)
    gallery, search = Gallery(engine), Search(encoder="e")
    assert gallery.nearest(query, 5, search) == []
    assert gallery.most_dissimilar(query, 5, search) == []
    assert len(gallery.nearest(query, 5, Search(encoder="e", vectors="raw"))) == 5


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


def test_require_passes_where_the_galleries_hold_the_encoder(engine: Engine) -> None:
    add(engine, unit(np.random.default_rng(1), 2, 3), gallery="a")
    Gallery(engine).require(Search(encoder="e"))
    Gallery(engine).require(Search(encoder="e", galleries=("a",)))


def test_require_names_an_unknown_gallery_and_those_there_are(engine: Engine) -> None:
    with pytest.raises(GalleryError, match="no gallery 'x'; there is: none yet"):
        Gallery(engine).require(Search(encoder="e", galleries=("x",)))
    add(engine, unit(np.random.default_rng(1), 2, 3), gallery="a")
    with pytest.raises(GalleryError, match="no gallery 'x'; there is: 'a'"):
        Gallery(engine).require(Search(encoder="e", galleries=("a", "x")))


def test_require_says_how_to_fill_an_empty_gallery(engine: Engine) -> None:
    with pytest.raises(GalleryError, match=r"^the gallery is empty.*geofix gallery add starter"):
        Gallery(engine).require(Search(encoder="e"))
    add(engine, unit(np.random.default_rng(1), 2, 3), gallery="a")
    with engine.begin() as connection:
        connection.execute(text("insert into galleries (name) values ('hollow')"))
    with pytest.raises(GalleryError, match="the gallery 'hollow' is empty"):
        Gallery(engine).require(Search(encoder="e", galleries=("a", "hollow")))


def test_require_names_the_gallery_s_encoder_and_the_question_s(engine: Engine) -> None:
    rng = np.random.default_rng(1)
    add(engine, unit(rng, 2, 3), gallery="a", encoder="old")
    add(engine, unit(rng, 2, 5), gallery="b", encoder="new")
    both = r"'new' and 'old'.*asks with 'other'"
    with pytest.raises(GalleryError, match=both):
        Gallery(engine).require(Search(encoder="other"))
    one = r"the gallery 'a' was embedded with 'old', and this question asks with 'new'"
    with pytest.raises(GalleryError, match=one):
        Gallery(engine).require(Search(encoder="new", galleries=("a",)))
    with pytest.raises(GalleryError, match=one):
        Gallery(engine).require(Search(encoder="new", galleries=("b", "a")))


def test_an_encoder_whose_photos_were_removed_is_not_held(engine: Engine) -> None:
    rng = np.random.default_rng(1)
    add(engine, unit(rng, 2, 3), gallery="a", encoder="old")
    add(engine, unit(rng, 2, 3), gallery="b", encoder="new", prefix="q")
    remove_gallery(engine, "a")
    assert [summary.encoders for summary in list_galleries(engine)] == [("new",)]
    with pytest.raises(GalleryError, match="embedded with 'new', and this question asks with 'old"):
        Gallery(engine).require(Search(encoder="old"))


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
