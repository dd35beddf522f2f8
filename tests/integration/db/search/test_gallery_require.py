"""What a question asks of its galleries before it is searched."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import Engine, text

from geofix.db.errors import GalleryError
from geofix.db.load.galleries import list_galleries, remove_gallery
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from tests.integration.db.search.random_gallery import add, unit


def test_require_passes_where_the_galleries_hold_the_encoder(engine: Engine) -> None:
    add(engine, unit(np.random.default_rng(1), 2, 3), gallery="a")
    Gallery(engine).require(Search(encoder="e"))
    Gallery(engine).require(Search(encoder="e", galleries=("a",)))


def test_require_names_an_unknown_gallery_and_those_there_are(engine: Engine) -> None:
    with pytest.raises(GalleryError, match="no gallery 'x'; the galleries are: none yet"):
        Gallery(engine).require(Search(encoder="e", galleries=("x",)))
    add(engine, unit(np.random.default_rng(1), 2, 3), gallery="a")
    with pytest.raises(GalleryError, match="no gallery 'x'; the galleries are: 'a'"):
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
    both = r"'new' and 'old'.*in use is 'other'"
    with pytest.raises(GalleryError, match=both):
        Gallery(engine).require(Search(encoder="other"))
    one = r"the gallery 'a' was embedded with 'old', and the encoder in use is 'new'"
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
    with pytest.raises(GalleryError, match="embedded with 'new', and the encoder in use is 'old"):
        Gallery(engine).require(Search(encoder="old"))
