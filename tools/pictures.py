"""The pictures in a prompt: what is about to be sent, and that it is nothing but pixels."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from geofix.tools.errors import ModelError

_PIXELS = frozenset({0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xDA})
"""Markers of frame, tables and scan: what a decoder needs."""
_ADOBE, _JFIF, _SCAN = 0xEE, 0xE0, 0xDA


def pictures_in(messages: Sequence[BaseMessage]) -> Iterator[str]:
    """Yield every picture of the messages, in base64."""
    for message in messages:
        for block in message.content if isinstance(message.content, list) else ():
            data = _picture(block) if isinstance(block, dict) else None
            if data is not None:
                yield data


def require_bare(messages: Sequence[BaseMessage]) -> list[int]:
    """Check that every picture is a JPEG of pixels alone, and return their sizes in bytes.

    Raises:
        ModelError: One carries EXIF, a comment, a color profile or anything else besides its
            pixels, or is no JPEG, so that nobody can say what it carries.
    """
    sizes = []
    for number, encoded in enumerate(pictures_in(messages), start=1):
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ModelError(f"picture {number} of the prompt is no base64 ({error})") from error
        carried = carried_by(data)
        if carried is not None:
            raise ModelError(
                f"picture {number} of the prompt carries {carried} and was not sent; encode it with"
                " `geofix.tools.images.to_jpeg`"
            )
        sizes.append(len(data))
    return sizes


def carried_by(data: bytes) -> str | None:
    """Return what a JPEG carries besides pixels; None for one that `to_jpeg` wrote."""
    if data[:2] != b"\xff\xd8":
        return "another format than JPEG"
    at = 2
    while data[at : at + 1] == b"\xff":
        marker = data[at + 1]
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _JFIF and length != 16:
            return "a thumbnail"
        if marker not in _PIXELS and marker not in {_JFIF, _ADOBE}:
            return _named(marker, data[at + 4 : at + 32])
        if marker == _SCAN:
            # Compressed data hold no end marker: the first one must be the last two bytes.
            ends = data.find(b"\xff\xd9", at)
            return None if ends == len(data) - 2 else "bytes behind its end"
        at += 2 + length
    return "a damaged header"


def _named(marker: int, head: bytes) -> str:
    if head.startswith(b"Exif"):
        return "EXIF"
    if marker == 0xFE:
        return "a comment"
    label = head.split(b"\0")[0].decode("ascii", "replace")
    return f"metadata ({label})" if label.isprintable() and label else f"metadata ({marker:#x})"


def _picture(block: dict[Any, Any]) -> str | None:
    """Return a block's picture, in the ways LangChain's clients take them."""
    source = block.get("source")
    if isinstance(source, dict) and "data" in source:
        return str(source["data"])
    if block.get("type") == "image" and "base64" in block:
        return str(block["base64"])
    url = block.get("image_url", block.get("url") if block.get("type") == "image" else None)
    if isinstance(url, dict):
        url = url.get("url")
    if isinstance(url, str) and url.startswith("data:"):
        return url.partition(",")[2]
    return None
