"""Where a call goes and what it sends: told before it goes, forbidden when offline.

Loopback stays open (`127.0.0.0/8`, `::1`, `localhost`), unless a proxy is set for it: a model
server on this machine sends nothing out. A host on the local network counts as outside, and so
does a name that only a look-up would show to be this machine.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pydantic import SecretStr

from geofix.db.plain_text import SECRET_NAME, secrets_in
from geofix.tools.errors import ModelError
from geofix.tools.models.providers import PROVIDERS, provider_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

IN_PROCESS = "in process"
"""Stands where a host would."""

UNKNOWN = "unknown"
"""Stands for the host of a client that does not say where it sends to."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a call goes."""

    host: str
    """Name and port, `in process`, or `unknown`; never a login or a path."""
    stays: bool
    """Whether nothing leaves this machine."""
    proxy: str | None = None
    """Host of the proxy a call goes through; it sees where to, and what, unless TLS hides it."""

    def __str__(self) -> str:
        """Return host and proxy as a reader wants them."""
        return self.host if self.proxy is None else f"{self.host} through the proxy {self.proxy}"


def address_of(model: BaseChatModel) -> Destination:
    """Return where a model's calls go, as its own client has it.

    A model of your own that runs in this process says so with an attribute `in_process = True`.
    """
    if getattr(model, "in_process", False) is True:
        return Destination(IN_PROCESS, stays=True)
    url = provider_of(model).address(model)
    if url is None:
        return Destination(UNKNOWN, stays=False)
    parts = urlsplit(url if "//" in url else f"http://{url}")
    host = parts.hostname or UNKNOWN
    own = next(iter(_proxies_of(model)), None)
    proxy = _environment_proxy(parts.scheme, host) if own is None else _host(own)
    shown = host if parts.port is None else f"{host}:{parts.port}"
    return Destination(shown, stays=is_loopback(host) and proxy is None, proxy=proxy)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its name alone: nothing is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ip = ip_address(host)
    except ValueError:
        return False
    # 0.0.0.0 and :: are this machine too, as an address to connect to.
    return ip.is_loopback or ip.is_unspecified


def secrets_of(model: BaseChatModel) -> list[str]:
    """Return the keys and logins a model holds, so that they can be kept out of what is written."""
    held = [value for value in vars(model).values() if isinstance(value, SecretStr)]
    urls = [provider_of(model).address(model) or "", *_proxies_of(model), *getproxies().values()]
    headers = getattr(model, "default_headers", None) or {}
    return [
        *(value.get_secret_value() for value in held),
        *(str(value) for name, value in headers.items() if SECRET_NAME.search(name)),
        *(secret for url in urls for secret in secrets_in(url)),
    ]


def _proxies_of(model: BaseChatModel) -> list[str]:
    # Of every provider: a class derived from one has its fields.
    names = (provider.proxy_field for provider in PROVIDERS.values())
    given = (getattr(model, name, None) for name in names if name is not None)
    return [url for url in given if isinstance(url, str) and url]


def _environment_proxy(scheme: str, host: str) -> str | None:
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    return None if proxy is None or proxy_bypass(host) else _host(proxy)


def _host(url: str) -> str:
    parts = urlsplit(url if "//" in url else f"http://{url}")
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


OFFLINE = "the setting `offline` (GEOFIX_OFFLINE)"
"""How a message names what forbids calls."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """What may leave this machine; an agent hands its own down, so that two do not share one."""

    offline: bool = False
    """Whether every call that would leave this machine is forbidden."""
    trace_photos: bool = False
    """Whether callbacks and tracers see the pictures a model is sent; else their hash."""


ANYWHERE = Privacy()
"""Forbids no call; tracers see no pictures."""


def require_here(what: str, address: Destination, *, offline: bool) -> None:
    """Check that a call to `address` is allowed.

    Raises:
        ModelError: Outbound calls are forbidden, and this would be one.
    """
    if not offline or address.stays:
        return
    if address.host == UNKNOWN:
        raise ModelError(
            f"{what} does not say where its calls go, and {OFFLINE} forbids calls that leave this"
            " machine; if it makes none, give it the attribute `in_process = True`"
        )
    through = "" if address.proxy is None else "; set NO_PROXY for a server on this machine"
    raise ModelError(
        f"{what} would call {address}, and {OFFLINE} forbids calls that leave this machine; turn"
        f" it off, or use a model in this process or on 127.0.0.1{through}"
    )


@contextmanager
def untraced(offline: bool) -> Iterator[None]:
    """Keep LangSmith out of what is done inside, where outbound calls are forbidden.

    With `LANGSMITH_TRACING=true` langchain-core would post every prompt. This holds for the calling
    context alone, so other agents and the host application are traced as before; tracers that a run
    inherited from a traced caller post nothing of it either.
    """
    if not offline:
        yield
        return
    from langsmith import tracing_context  # noqa: PLC0415 - only where it is needed

    with tracing_context(enabled=False):
        yield


@dataclass(frozen=True, slots=True)
class Outbound:
    """One call about to be made."""

    host: str
    """Where it goes: name and port, `in process`, or `unknown`."""
    leaves: bool
    """Whether it leaves this machine."""
    pictures: int
    picture_bytes: int
    """Size of the pictures as files, before they are encoded for the wire."""
    text_bytes: int
    """Size of the words in UTF-8, without the schema that goes with them."""
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
    address: Destination, messages: Sequence[BaseMessage], picture_sizes: Sequence[int]
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


_PIXELS = frozenset({0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xDA})
"""Markers of frame, tables and scan: what a decoder needs."""
_ADOBE, _JFIF, _SCAN = 0xEE, 0xE0, 0xDA


def pictures_in(messages: Sequence[BaseMessage]) -> Iterator[str]:
    """Yield every picture of the messages, in base64."""
    for message in messages:
        for block in message.content if isinstance(message.content, list) else ():
            data = picture_of(block) if isinstance(block, dict) else None
            if data is not None:
                yield data


def require_bare(messages: Sequence[BaseMessage]) -> list[int]:
    """Check that every picture is a JPEG of pixels alone, and return their sizes in bytes.

    Raises:
        ModelError: One carries EXIF, a comment, a color profile or anything else besides its
            pixels, or is not a JPEG, so that its contents are unknown.
    """
    sizes = []
    for number, encoded in enumerate(pictures_in(messages), start=1):
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ModelError(
                f"picture {number} of the prompt is not valid base64 ({error})"
            ) from error
        carried = carried_by(data)
        if carried is not None:
            raise ModelError(
                f"picture {number} of the prompt carries {carried} and was not sent; encode it with"
                " `geofix.tools.photo.read.to_jpeg`"
            )
        sizes.append(len(data))
    return sizes


def carried_by(data: bytes) -> str | None:
    """Return what a JPEG carries besides pixels; None for one that `to_jpeg` wrote."""
    if data[:2] != b"\xff\xd8":
        return "data in a format other than JPEG"
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _JFIF and length != 16:
            return "a thumbnail"
        if marker not in _PIXELS and marker not in {_JFIF, _ADOBE}:
            return _named(marker, data[at + 4 : at + 32])
        if marker == _SCAN:
            # Compressed data hold no end marker: the first one must be the last two bytes.
            ends = data.find(b"\xff\xd9", at)
            return None if ends == len(data) - 2 else "bytes after its end"
        at += 2 + length
    return "a damaged header"


def _named(marker: int, head: bytes) -> str:
    if head.startswith(b"Exif"):
        return "EXIF"
    if marker == 0xFE:
        return "a comment"
    label = head.split(b"\0")[0].decode("ascii", "replace")
    return f"metadata ({label})" if label.isprintable() and label else f"metadata ({marker:#x})"


def picture_of(block: dict[Any, Any]) -> str | None:
    """Return a block's picture in base64, in the ways LangChain's clients take them."""
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
