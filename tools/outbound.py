"""What a call would send and where to, described before it is sent. Neither EXIF nor file names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage

from geofix.tools.addresses import Address


@dataclass(frozen=True, slots=True)
class Outbound:
    """One call about to be made."""

    host: str
    """Where it goes: name and port, `in process`, or `unknown`."""
    leaves: bool
    """Whether it leaves this machine."""
    pictures: int
    picture_bytes: int
    """Of the pictures as files, before they are encoded for the wire."""
    text_bytes: int
    """Of the words, in UTF-8; the schema that goes with them is not counted."""
    proxy: str | None = None
    """Host of a proxy in between."""

    def __str__(self) -> str:
        """Return one line for a person."""
        where = self.host if self.proxy is None else f"{self.host} through {self.proxy}"
        stays = "" if self.leaves else " (stays on this machine)"
        pictures = f"{self.pictures} picture{'' if self.pictures == 1 else 's'}"
        return (
            f"{where}{stays}: {pictures} of {self.picture_bytes:,} bytes,"
            f" {self.text_bytes:,} bytes of text, no EXIF, no file name"
        )


BeforeSend = Callable[[Outbound], None]
"""Called before each call, retries and repairs included; what it raises stops the call."""


def outbound(
    address: Address, messages: Sequence[BaseMessage], picture_sizes: Sequence[int]
) -> Outbound:
    """Describe a call.

    Args:
        address: Where it goes.
        messages: What it says.
        picture_sizes: Of its pictures as `require_bare` found them, bytes.
    """
    return Outbound(
        host=address.host,
        leaves=not address.stays,
        pictures=len(picture_sizes),
        picture_bytes=sum(picture_sizes),
        text_bytes=sum(len(message.text.encode("utf-8", "replace")) for message in messages),
        proxy=address.proxy,
    )
