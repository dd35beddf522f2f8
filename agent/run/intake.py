"""Photos on their way in: read, checked, stripped of metadata, and kept by their hash.

What a photo's EXIF claims is stored beside it, so no node, model or tracing service can see it.
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import asdict
from pathlib import Path
from threading import BoundedSemaphore

from geofix.agent.errors import PhotoError
from geofix.agent.state import REFERENCE
from geofix.db.plain_text import one_line
from geofix.db.runs import QueryPhoto, QueryPhotos
from geofix.tools.photo.read import Photo, read_photo, to_jpeg

MOST_DECODED = max(2, os.cpu_count() or 1)
"""Photos decoded at once: one of 120 megapixels takes 480 MB, and more than the number of cores is
no faster."""

_decoding = BoundedSemaphore(MOST_DECODED)

_HEX = re.compile("[0-9a-f]{64}")


def read_in(source: Path | str | bytes | Photo) -> QueryPhoto:
    """Read a photo in the form that is stored, without storing it.

    Args:
        source: A path, the bytes of a file, or a photo that was read already.

    Raises:
        PhotoError: It is no photo; the text says why.
    """
    with _decoding:
        photo = source if isinstance(source, Photo) else read_photo(source)
        jpeg = to_jpeg(photo.pixels)
    return QueryPhoto(
        sha256=photo.sha256,
        jpeg=jpeg,
        width=photo.width,
        height=photo.height,
        format=photo.format,
        claim=None if photo.claim is None else asdict(photo.claim),
        notes=[one_line(note) for note in photo.notes],
    )


def take_in(source: Path | str | bytes, queries: QueryPhotos) -> QueryPhoto:
    """Read a photo and store it; a photo that cannot be read is not stored.

    Args:
        source: A path, or the bytes of a file.
        queries: Where it is kept.

    Raises:
        PhotoError: It is no photo; the text says why.
    """
    photo = read_in(source)
    queries.keep(photo)
    return photo


def resolve(reference: str, queries: QueryPhotos) -> QueryPhoto:
    """Return the photo a graph was asked about.

    Args:
        reference: `sha256:<hex>` of a kept photo, or a `data:image/...;base64,` URL. Paths are
            refused: a graph may be served to strangers, and a file name must not enter its state.
        queries: Where photos are kept.

    Raises:
        PhotoError: It is neither, or the data is no photo.
        TrailError: The photo is not kept here.
    """
    if reference.startswith(REFERENCE):
        return queries.find(_sha256(reference))
    head, comma, data = reference.partition(",")
    if not (head.startswith("data:") and head.endswith(";base64") and comma):
        raise PhotoError(
            f"the photo {reference[:60]!r} must be 'sha256:<hex>' of a stored photo or a"
            " 'data:image/jpeg;base64,' URL. To locate a file, use `locate` in Python or"
            " `geofix locate`"
        )
    try:
        photo = base64.b64decode(data, validate=True)
    # ValueError, not its child binascii.Error: letters outside ASCII raise the parent.
    except ValueError as error:
        raise PhotoError(
            f"the data URL {reference[:60]!r} is not valid base64: {error}; encode the file's"
            " bytes without line breaks"
        ) from error
    return take_in(photo, queries)


def _sha256(reference: str) -> str:
    sha256 = reference.removeprefix(REFERENCE)
    if not _HEX.fullmatch(sha256):
        raise PhotoError(
            f"the photo {reference[:80]!r} is not a valid reference; write 'sha256:' and 64"
            " lower-case hex digits"
        )
    return sha256
