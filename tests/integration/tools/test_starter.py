from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from psycopg.errors import DiskFull
from sqlalchemy import Engine, text

from geofix.agent.services import Services
from geofix.db.errors import DatabaseError
from geofix.db.load.galleries import list_galleries, remove_gallery
from geofix.db.load.ingest import Ingest
from geofix.db.search.gallery import Gallery
from geofix.tools import starter as starter_module
from geofix.tools.encoders import Encoder
from geofix.tools.geo.countries import countries_at
from geofix.tools.starter import STARTER_GALLERY, add_starter, add_starter_once, read_starter


def test_it_goes_in_once_however_often_it_is_added(services: Services) -> None:
    starter = read_starter()
    assert add_starter(services.ingest) == len(starter.photos)
    assert add_starter(services.ingest) == 0
    (gallery,) = list_galleries(services.engine)
    assert (gallery.name, gallery.photos) == (STARTER_GALLERY, len(starter.photos))
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


KILLED = """
import os, signal, sys
from geofix.db.load import ingest
from geofix.db.engine import open_engine
from geofix.tools.starter import add_starter_once

def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(ingest if sys.argv[2] == "insert_photos" else ingest.Ingest, sys.argv[2], die)
add_starter_once(open_engine(sys.argv[1]))
"""


def is_whole(engine: Engine) -> bool:
    """Say whether the starter gallery is loaded, and comes to have its mean."""
    galleries = [(one.name, one.photos) for one in list_galleries(engine)]
    starter = read_starter()
    return (
        galleries == [(STARTER_GALLERY, len(starter.photos))]
        and Gallery(engine).centring(starter.encoder) is not None
    )


@pytest.mark.parametrize("where", ["insert_photos", "finish"])
def test_a_load_that_was_killed_is_made_again(services: Services, where: str) -> None:
    url = services.database_url
    done = subprocess.run([sys.executable, "-c", KILLED, url, where], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not is_whole(services.engine)
    add_starter_once(services.engine)
    assert is_whole(services.engine)


def test_a_load_that_ran_out_of_disk_is_made_again_and_no_further_time(services: Services) -> None:
    engine = services.engine
    with engine.begin() as connection:
        for statement in (
            "create function full_disk() returns trigger language plpgsql as"
            " $$ begin raise exception 'no space left on device' using errcode = '53100'; end $$",
            "create trigger full_disk before insert on photos execute function full_disk()",
        ):
            connection.execute(text(statement))
    # As the driver says it where a COPY fails.
    with pytest.raises((DatabaseError, DiskFull), match="no space left on device"):
        add_starter_once(engine)
    with engine.begin() as connection:
        connection.execute(text("drop trigger full_disk on photos"))
    add_starter_once(engine)
    assert is_whole(engine)
    remove_gallery(engine, STARTER_GALLERY)
    add_starter_once(engine)
    assert list_galleries(engine) == []


def test_first_starts_at_once_load_it_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[int] = []
    both = Barrier(2)

    def load(ingest: Ingest) -> int:
        loads.append(1)
        return add_starter(ingest)

    def first_start(_: int) -> None:
        both.wait()
        add_starter_once(services.engine)

    monkeypatch.setattr(starter_module, "add_starter", load)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(first_start, range(2)))
    assert loads == [1]
    assert is_whole(services.engine)
