from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Engine, text

from geofix.db.errors import GalleryError, TrailError
from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.runs import QueryPhoto, QueryPhotos

PHOTO = QueryPhoto(
    sha256="ab" * 32,
    jpeg=bytes(range(256)) * 4,
    width=640,
    height=480,
    format="HEIC",
    claim={"latitude": 48.85, "camera": "Kamera Ü"},
    notes=["several frames", ""],
)


@pytest.fixture
def queries(engine: Engine) -> QueryPhotos:
    return QueryPhotos(engine)


@pytest.mark.parametrize("photo", [PHOTO, replace(PHOTO, claim=None, notes=[])])
def test_a_kept_photo_comes_back_byte_for_byte(queries: QueryPhotos, photo: QueryPhoto) -> None:
    queries.keep(photo)
    assert queries.find(photo.sha256) == photo


def test_no_claim_is_null_in_the_database(queries: QueryPhotos, engine: Engine) -> None:
    queries.keep(replace(PHOTO, claim=None))
    with engine.connect() as connection:
        assert connection.execute(text("select claim is null from query_photos")).scalar() is True


def test_keeping_a_photo_twice_keeps_the_first(queries: QueryPhotos, engine: Engine) -> None:
    queries.keep(PHOTO)
    queries.keep(replace(PHOTO, width=1, notes=["again"]))
    assert queries.find(PHOTO.sha256) == PHOTO
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from query_photos")).scalar() == 1


def test_an_unknown_photo_is_an_error(queries: QueryPhotos) -> None:
    with pytest.raises(TrailError, match="no photo with sha256 'cd' is stored; give"):
        queries.find("cd")
    assert queries.vector("cd", "e") is None
    with pytest.raises(TrailError, match="no photo with sha256 'cd' is stored; store it"):
        queries.keep_vector("cd", "e", np.ones(3, np.float32))


def test_a_camera_s_padding_does_not_stop_a_photo(queries: QueryPhotos) -> None:
    odd = replace(PHOTO, claim={"camera": "X100\0\0", "altitude_m": float("nan")}, notes=["a\0"])
    queries.keep(odd)
    kept = queries.find(PHOTO.sha256)
    assert kept.claim == {"camera": "X100\ufffd\ufffd", "altitude_m": None}
    assert kept.notes == ["a\ufffd"]


def test_a_vector_comes_back_bit_for_bit(queries: QueryPhotos) -> None:
    rng = np.random.default_rng(0)
    vector = (rng.normal(size=1280) * 10.0 ** rng.uniform(-20, 20, 1280)).astype(np.float32)
    vector[:3] = [np.float32(1) / 3, np.finfo(np.float32).tiny, np.finfo(np.float32).max]
    queries.keep(PHOTO)
    assert queries.vector(PHOTO.sha256, "e") is None
    queries.keep_vector(PHOTO.sha256, "e", vector)
    found = queries.vector(PHOTO.sha256, "e")
    assert found is not None
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, vector)


def test_a_vector_is_the_same_over_a_connection_that_loaded_a_gallery(
    queries: QueryPhotos, engine: Engine
) -> None:
    vector = np.float32([0.1, 0.2, 0.3])
    queries.keep(PHOTO)
    # A load registers pgvector's own types with its connection, which goes back to the pool.
    Ingest(engine).add("g", "e", [GeotaggedPhoto("s", "1", 0.0, 0.0)], vector[None])
    queries.keep_vector(PHOTO.sha256, "e", vector)
    found = queries.vector(PHOTO.sha256, "e")
    assert found is not None
    np.testing.assert_array_equal(found, vector)


def test_a_vector_stays_as_it_was_first_and_each_encoder_has_its_own(queries: QueryPhotos) -> None:
    queries.keep(PHOTO)
    first, other = np.float32([1, 2, 3]), np.float32([4, 5])
    queries.keep_vector(PHOTO.sha256, "e", first)
    queries.keep_vector(PHOTO.sha256, "e", first * 2)
    queries.keep_vector(PHOTO.sha256, "other", other)
    for encoder, expected in (("e", first), ("other", other)):
        found = queries.vector(PHOTO.sha256, encoder)
        assert found is not None
        np.testing.assert_array_equal(found, expected)


def test_a_vector_of_another_dimension_is_refused(queries: QueryPhotos) -> None:
    queries.keep(PHOTO)
    queries.keep_vector(PHOTO.sha256, "e", np.ones(3, np.float32))
    with pytest.raises(
        GalleryError, match="'e' gave vectors of 4 dimensions, but its stored vectors have 3"
    ):
        queries.keep_vector(PHOTO.sha256, "e", np.ones(4, np.float32))
