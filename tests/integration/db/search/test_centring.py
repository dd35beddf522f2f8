from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from geofix.db.load.galleries import remove_gallery
from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.search.centring import Centring
from geofix.db.search.gallery import Gallery
from geofix.tools.geo.distance import haversine_km

Floats = NDArray[np.float32]


def vectors_and_places(rows: int, seed: int = 0) -> tuple[Floats, NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(rows, 6)) + 0.7
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    # As the database keeps them, so that expectations are exact.
    kept = vectors.astype(np.float16).astype(np.float32)
    return kept, rng.uniform([-60, -180], [60, 180], (rows, 2))


def add(engine: Engine, vectors: Floats, places: NDArray[np.float64], gallery: str = "g") -> None:
    photos = [
        GeotaggedPhoto("made", f"{gallery}{i}", float(latitude), float(longitude))
        for i, (latitude, longitude) in enumerate(places)
    ]
    Ingest(engine).add(gallery, "e", photos, vectors)
    Ingest(engine).finish("e")


def best_far_away(centred: Floats, places: NDArray[np.float64]) -> Floats:
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    distance_km = haversine_km(places[:, None, 0], places[:, None, 1], places[:, 0], places[:, 1])
    best: Floats = np.where(distance_km > 200, unit @ unit.T, -np.inf).max(axis=1)
    return np.sort(best)


def current(engine: Engine) -> Centring:
    found = Gallery(engine).centring("e")
    assert found is not None
    return found


def test_mean_and_impostors_are_those_of_the_kept_vectors(engine: Engine) -> None:
    vectors, places = vectors_and_places(80)
    add(engine, vectors, places)
    found = current(engine)
    mean = vectors.astype(np.float64).mean(axis=0).astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(found.mean, mean)
    assert found.mean.dtype == np.float32
    assert (found.photos, found.version, found.impostor_distance_km) == (80, 1, 200.0)
    np.testing.assert_allclose(found.impostors, best_far_away(vectors - mean, places), atol=1e-6)


def test_fewer_than_sixteen_photos_have_none(engine: Engine) -> None:
    vectors, places = vectors_and_places(16)
    add(engine, vectors[:15], places[:15])
    assert Gallery(engine).centring("e") is None
    add(engine, vectors, places)
    assert current(engine).photos == 16


def test_an_unknown_encoder_has_none(engine: Engine) -> None:
    Ingest(engine).finish("nobody")
    assert Gallery(engine).centring("nobody") is None


def test_the_version_grows_with_every_refresh(engine: Engine) -> None:
    vectors, places = vectors_and_places(40)
    add(engine, vectors[:20], places[:20])
    first = current(engine)
    add(engine, vectors, places)
    second = current(engine)
    assert (first.version, second.version) == (1, 2)
    assert (first.photos, second.photos) == (20, 40)
    assert not np.array_equal(first.mean, second.mean)


def test_the_same_photos_give_the_same_figures_in_whatever_order_they_came(engine: Engine) -> None:
    vectors, places = vectors_and_places(40)
    add(engine, vectors, places)
    first = current(engine)
    add(engine, vectors, places)
    np.testing.assert_array_equal(first.impostors, current(engine).impostors)
    np.testing.assert_array_equal(first.mean, current(engine).mean)


def test_photos_of_one_place_have_a_mean_but_no_impostors(engine: Engine) -> None:
    vectors, _ = vectors_and_places(20)
    add(engine, vectors, np.tile([[48.1, 11.5]], (20, 1)))
    found = current(engine)
    assert found.impostors.size == 0
    assert found.impostor_distance_km is None
    assert found.impostor_share(0.5) is None


def test_each_encoder_has_its_own(engine: Engine) -> None:
    vectors, places = vectors_and_places(20)
    add(engine, vectors, places)
    before = current(engine)
    photos = [GeotaggedPhoto("made", f"g{i}", 1.0, float(i)) for i in range(20)]
    Ingest(engine).add("g", "other", photos, np.ascontiguousarray(vectors[:, :2]))
    Ingest(engine).finish("other")
    other = Gallery(engine).centring("other")
    assert other is not None
    assert other.mean.shape == (2,)
    assert current(engine).version == before.version
    np.testing.assert_array_equal(current(engine).mean, before.mean)


def test_removing_a_gallery_takes_its_photos_out_of_the_mean(engine: Engine) -> None:
    vectors, places = vectors_and_places(50)
    add(engine, vectors[:30], places[:30], gallery="stays")
    alone = current(engine)
    add(engine, vectors[30:], places[30:], gallery="goes")
    assert current(engine).photos == 50
    remove_gallery(engine, "goes")
    after = current(engine)
    assert (after.photos, after.version) == (30, 3)
    np.testing.assert_array_equal(after.mean, alone.mean)
    np.testing.assert_array_equal(after.impostors, alone.impostors)


def test_removing_the_last_photos_removes_the_centring(engine: Engine) -> None:
    vectors, places = vectors_and_places(20)
    add(engine, vectors, places)
    remove_gallery(engine, "g")
    assert Gallery(engine).centring("e") is None
