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

from geofix.db.ingest import GeotaggedPhoto, Ingest

NAME = "starter"
"""Of the gallery."""


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
    added = ingest.add(NAME, starter.encoder, starter.photos, starter.vectors)
    ingest.finish(starter.encoder)
    return added.new
