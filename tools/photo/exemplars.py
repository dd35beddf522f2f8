"""Reads the files of gallery photos again, from where they were ingested.

A picture counts only if its bytes are still those that were embedded: a path in a gallery made
elsewhere must not send some other file of this machine to a model.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import Image

from geofix.db.stores import SAMPLE_PACKAGE, StoredPicture
from geofix.tools.errors import PhotoError
from geofix.tools.photo.read import read_photo
from geofix.tools.photo.samples import sample_path


def was_kept(stored: StoredPicture) -> bool:
    """Say whether the gallery ever knew where the picture is: of a table of vectors it does not."""
    located = stored.location is not None or stored.source == SAMPLE_PACKAGE
    return located and stored.sha256 is not None


def read_exemplar(stored: StoredPicture) -> Image.Image:
    """Return the picture's pixels, without any metadata.

    Raises:
        PhotoError: It is not kept anywhere, is gone or changed, or lies in an archive.
    """
    if stored.sha256 is None:
        raise PhotoError(
            "the gallery has no hash of this photo's file; ingest the photo files themselves"
        )
    # With all sources of photos, which is seldom needed: what is found in a picture is kept.
    from geofix.tools.sources.picture_files import FilePicture  # noqa: PLC0415

    data = FilePicture(_path(stored)).read()
    if hashlib.sha256(data).hexdigest() != stored.sha256:
        raise PhotoError("its file has changed since it was ingested; ingest the folder again")
    return read_photo(data).pixels


def _path(stored: StoredPicture) -> Path:
    if stored.source == SAMPLE_PACKAGE and stored.location is None:
        return sample_path(stored.external_id)
    if stored.location is None:
        raise PhotoError("the gallery does not know where this photo's file is")
    path = Path(stored.location)
    if not path.is_file():
        raise PhotoError("its file is not on this machine, or is inside an archive")
    return path
