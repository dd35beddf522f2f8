from __future__ import annotations

import numpy as np
from sqlalchemy import text

from geofix.agent.services import Services
from geofix.db.galleries import list_galleries
from geofix.tools.countries import countries_at
from geofix.tools.encoders import Encoder
from geofix.tools.starter import NAME, add_starter, read_starter


def test_it_goes_in_once_however_often_it_is_added(services: Services) -> None:
    starter = read_starter()
    assert add_starter(services.ingest) == len(starter.photos)
    assert add_starter(services.ingest) == 0
    (gallery,) = list_galleries(services.engine)
    assert (gallery.name, gallery.photos) == (NAME, len(starter.photos))
    assert gallery.encoders == (starter.encoder,)
    assert None not in gallery.licences and len(gallery.licences) >= 1


def test_its_vectors_are_stored_as_they_ship(services: Services) -> None:
    add_starter(services.ingest)
    starter = read_starter()
    with services.engine.connect() as connection:
        written = connection.execute(
            text(
                "select embedding::text from embeddings join photos on photos.id = photo_id"
                " where external_id = :id"
            ),
            {"id": starter.photos[7].external_id},
        ).scalar_one()
    assert np.allclose(np.fromstring(written.strip("[]"), sep=","), starter.vectors[7], atol=1e-4)


def test_its_countries_are_those_of_its_coordinates() -> None:
    photos = read_starter().photos
    codes = countries_at(
        [photo.latitude for photo in photos], [photo.longitude for photo in photos]
    )
    assert [photo.country for photo in photos] == codes


def test_the_encoder_that_ships_is_the_one_it_was_made_with(encoder: Encoder) -> None:
    starter = read_starter()
    assert starter.encoder == encoder.name
    assert starter.vectors.shape == (len(starter.photos), encoder.dimension)
