"""Photos as hosts hold them, and the references that geofix's graph is asked about.

A photo is stored before our graph sees it, so that its checkpoints hold the hash and no picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage

from geofix.agent.errors import PhotoError
from geofix.agent.run.intake import resolve, take_in
from geofix.agent.services import Services
from geofix.agent.state import REFERENCE

DATA = "data:"


def is_data_url(photo: object) -> bool:
    """Whether a photo is written as a `data:` URL."""
    return isinstance(photo, str) and photo[: len(DATA)].lower() == DATA


def stored(photo: object, services: Services, folder: Path | None) -> str:
    """Store a photo and return its reference, `sha256:<hex>`.

    Args:
        photo: A path, the bytes of a file, a `data:` URL, or the reference of a stored photo.
        services: Where photos are kept.
        folder: The folder that paths must lie in; any path is read if none is given.

    Raises:
        PhotoError: It is none of these, lies outside the folder, or is no photo.
    """
    if isinstance(photo, str) and photo.startswith(REFERENCE):
        return photo
    if is_data_url(photo):
        return REFERENCE + resolve(str(photo), services.queries).sha256
    if isinstance(photo, Path | str):
        source: Path | bytes = Path(photo) if folder is None else confined(photo, folder)
    elif isinstance(photo, bytes):
        source = photo
    else:
        raise PhotoError(
            f"the photo is a {type(photo).__name__}; give a path, bytes, a 'data:image/...;base64,'"
            " URL, or 'sha256:<hex>' of a stored photo"
        )
    return REFERENCE + take_in(source, services.queries).sha256


def confined(path: Path | str, folder: Path) -> Path:
    """Return a path with its links followed.

    Args:
        path: Absolute, or relative to the folder.
        folder: Where it must lie.

    Raises:
        PhotoError: It lies elsewhere.
    """
    home = folder.resolve()
    try:
        found = (home / path).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise PhotoError(f"the path {str(path)[:200]!r} cannot be read: {error}") from error
    if not found.is_relative_to(home):
        raise PhotoError(
            f"the path {str(path)[:200]!r} leads out of the folder that photos may be read from;"
            " name a file in that folder, or a stored photo as 'sha256:<hex>'"
        )
    return found


def latest_picture(messages: Iterable[BaseMessage]) -> str | None:
    """Return the last picture of a conversation as a `data:` URL; none if there is none.

    Raises:
        PhotoError: The picture itself is not in the message, only where it is.
    """
    for message in reversed(list(messages)):
        blocks: Any = message.content_blocks
        for block in reversed(blocks):
            if block.get("type") == "image":
                return _data_url(block)
    return None


def _data_url(block: dict[str, Any]) -> str:
    url = block.get("url")
    if "base64" in block:
        return f"{DATA}{block.get('mime_type') or 'image/jpeg'};base64,{block['base64']}"
    if is_data_url(url):
        return str(url)
    where = str(url or block.get("file_id"))[:60]
    raise PhotoError(
        f"the picture of the conversation is only linked, as {where!r}, and geofix fetches nothing;"
        " put the picture into the message as base64"
    )
