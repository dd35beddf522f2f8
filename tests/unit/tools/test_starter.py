from __future__ import annotations

import numpy as np

from geofix.tools.photo.samples import SAMPLE
from geofix.tools.starter import read_starter


def test_every_photo_says_where_it_is_and_under_which_terms_it_may_be_used() -> None:
    photos = read_starter().photos
    assert len(photos) > 100
    assert len({(photo.source, photo.external_id) for photo in photos}) == len(photos)
    for photo in photos:
        assert -90 <= photo.latitude <= 90 and -180 <= photo.longitude <= 180
        assert (photo.latitude, photo.longitude) != (0, 0)
        assert photo.licence and photo.attribution


def test_the_vectors_are_of_unit_length_and_no_two_photos_share_one() -> None:
    vectors = read_starter().vectors
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2)
    assert len(np.unique(vectors, axis=0)) == len(vectors)


def test_the_photo_that_is_asked_about_is_not_in_it() -> None:
    assert SAMPLE not in {photo.external_id for photo in read_starter().photos}
