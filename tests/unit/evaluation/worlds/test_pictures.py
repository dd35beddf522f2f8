"""A query's number goes through a file, JPEG and back."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from geofix.evaluation.worlds.dataset import WorldEncoder, number_in, number_picture
from geofix.evaluation.worlds.world import Size, make_world
from geofix.tools.errors import EncoderError
from geofix.tools.photo.read import from_jpeg, read_photo, to_jpeg


@pytest.mark.parametrize("number", [0, 1, 777, 2**20 - 1])
def test_a_number_survives_being_kept(number: int) -> None:
    photo = read_photo(number_picture(number))
    assert number_in(from_jpeg(to_jpeg(photo.pixels))) == number


def test_too_large_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="1048576"):
        number_picture(2**20)


@pytest.mark.parametrize("picture", [Image.new("L", (80, 128)), Image.new("L", (8, 8))])
def test_other_pictures_are_refused(picture: Image.Image) -> None:
    with pytest.raises(EncoderError, match="not of a simulated world"):
        number_in(picture)


def test_the_encoder_gives_the_querys_vector_and_refuses_one_too_many() -> None:
    world = make_world("world", "test", 1, Size(2000, queries=20))
    encoder = WorldEncoder(world)
    pictures = [read_photo(number_picture(number)).pixels for number in (7, 3)]
    assert np.array_equal(encoder.embed(pictures), world.queries.vectors[[7, 3]])
    with pytest.raises(EncoderError, match="has 20 queries, not number 20"):
        encoder.embed([read_photo(number_picture(20)).pixels])
