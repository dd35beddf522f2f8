"""Features kept by picture and method: found again, never changed, gone with what needed them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import Engine, text

from geofix.db.load.galleries import remove_gallery
from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.runs import QueryPhoto, QueryPhotos
from geofix.db.stores import LocalFeatureStore, StoredFeatures

FOUND = StoredFeatures(bytes(range(256)) * 33, 640, 448)


@pytest.fixture
def store(engine: Engine) -> LocalFeatureStore:
    return LocalFeatureStore(engine)


def add(engine: Engine, gallery: str, *hashes: str) -> None:
    photos = [GeotaggedPhoto("made", sha256, 1.0, 2.0, sha256=sha256) for sha256 in hashes]
    Ingest(engine).add(gallery, "e", photos, np.ones((len(photos), 3), dtype=np.float32))


def test_what_is_kept_comes_back_and_the_rest_is_left_out(store: LocalFeatureStore) -> None:
    empty = StoredFeatures(b"", 32, 32)
    store.keep({"aa": FOUND, "bb": empty}, "sift v1")
    assert store.find(["bb", "aa", "cc"], "sift v1") == {"aa": FOUND, "bb": empty}
    assert store.find([], "sift v1") == {}


def test_each_method_has_its_own(store: LocalFeatureStore) -> None:
    store.keep({"aa": FOUND}, "sift v1")
    assert store.find(["aa"], "sift v2") == {}


def test_the_first_stays(store: LocalFeatureStore) -> None:
    store.keep({"aa": FOUND}, "sift v1")
    store.keep({"aa": StoredFeatures(b"other", 1, 1), "bb": FOUND}, "sift v1")
    store.keep({}, "sift v1")
    assert store.find(["aa", "bb"], "sift v1") == {"aa": FOUND, "bb": FOUND}


def test_many_writers_of_the_same_pictures_get_along(store: LocalFeatureStore) -> None:
    names = [f"{number:02d}" for number in range(30)]
    with ThreadPoolExecutor(4) as pool:
        orders = [names, names[::-1]] * 4
        list(pool.map(lambda order: store.keep(dict.fromkeys(order, FOUND), "sift v1"), orders))
    assert len(store.find(names, "sift v1")) == 30


def test_features_go_with_the_last_photo_that_needs_them(
    engine: Engine, store: LocalFeatureStore
) -> None:
    add(engine, "goes", "only", "both", "asked")
    add(engine, "stays", "both")
    asked = QueryPhoto("asked", b"x", 1, 1, "JPEG", None, [])
    QueryPhotos(engine).keep(asked)
    store.keep(dict.fromkeys(["only", "both", "asked", "nobody"], FOUND), "sift v1")
    remove_gallery(engine, "goes")
    assert set(store.find(["only", "both", "asked", "nobody"], "sift v1")) == {"both", "asked"}


def test_features_are_stored_as_they_are(engine: Engine, store: LocalFeatureStore) -> None:
    store.keep({"aa": StoredFeatures(bytes(132_000), 640, 480)}, "sift v1")
    with engine.connect() as connection:
        size = text("select pg_column_size(features) from local_features")
        assert connection.execute(size).scalar() == 132_000
