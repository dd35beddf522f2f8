"""The starter gallery: vectors of openly licensed photos that ship with geofix.

One file, `data/starter.npz`: the vectors in float16 and one JSON row a photo with place, licence,
attribution and origin. `scripts/build_starter.py` makes it; no photo is in the project.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.schema import STARTER_STEP, setup_step

STARTER_GALLERY = "starter"
"""Name of the gallery."""


@dataclass(frozen=True, slots=True)
class StarterGallery:
    """The starter gallery as it ships."""

    encoder: str
    """Name of the encoder that made the vectors."""
    photos: list[GeotaggedPhoto]
    vectors: NDArray[np.float32]
    """`[n, dimension]`, in the order of `photos`."""


def read_starter() -> StarterGallery:
    """Return the gallery that ships with geofix."""
    with as_file(files("geofix.tools.data") / "starter.npz") as path, np.load(path) as data:
        rows = json.loads(data["rows"].tobytes())
        return StarterGallery(
            encoder=rows["encoder"],
            photos=[GeotaggedPhoto(**row) for row in rows["photos"]],
            vectors=data["vectors"].astype(np.float32),
        )


def add_starter(ingest: Ingest) -> int:
    """Load the starter gallery; say how many of its photos were new."""
    starter = read_starter()
    added = ingest.add(STARTER_GALLERY, starter.encoder, starter.photos, starter.vectors)
    ingest.finish(starter.encoder)
    return added.new


def add_starter_once(engine: Engine) -> None:
    """Load the starter gallery into a database that never had it.

    A load that was cut off is made again; a gallery that was removed stays removed.
    """
    with setup_step(engine, STARTER_STEP) as to_do:
        if to_do:
            add_starter(Ingest(engine))
