"""What is said of a call before it is made, and what never leaves: EXIF, comments, file names."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import HumanMessage
from PIL import Image

from geofix.tools.errors import ModelError
from geofix.tools.models.ask import ask, ask_many
from geofix.tools.models.privacy import Outbound, carried_by, pictures_in
from geofix.tools.photo.read import to_jpeg
from tests.unit.tools.models.lab import JPEG, PARIS, PROTOCOLS, Spot, error, question, served

EVERY = pytest.mark.parametrize("provider", list(PROTOCOLS))


def saved(**options: Any) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 48), "teal").save(buffer, options.pop("format", "JPEG"), **options)
    return buffer.getvalue()


def exif() -> Image.Exif:
    tags = Image.Exif()
    tags[0x010F] = "Telltalecam"
    return tags


@EVERY
def test_every_call_is_described_before_it_is_made(provider: str, waits: list[float]) -> None:
    told: list[Outbound] = []
    first = "Paris!" if provider != "anthropic" else "{}"
    with served(provider, error(503, "busy"), first, PARIS) as (model, server):
        received: list[int] = []

        def tell(one: Outbound) -> None:
            told.append(one)
            received.append(len(server.received))

        ask(model, question(), Spot, before_send=tell)
        host = server.url.removeprefix("http://")
    assert received == [0, 1, 2]
    assert {one.host for one in told} == {host}
    assert {(one.leaves, one.pictures, one.picture_bytes) for one in told} == {
        (False, 1, len(JPEG))
    }
    words = len("Image 1 is the photo.")
    assert [one.text_bytes == words for one in told] == [True, True, False]
    assert f"1 picture of {len(JPEG)} bytes" in str(told[0])
    assert "no EXIF" in str(told[0])


def test_a_hook_that_raises_stops_the_question() -> None:
    def forbid(one: Outbound) -> None:
        raise PermissionError(one.host)

    with served("openai", PARIS) as (model, server):
        with pytest.raises(PermissionError):
            ask(model, question(), Spot, before_send=forbid)
        assert server.received == []


def test_an_answer_out_of_the_cache_sends_nothing() -> None:
    told: list[Outbound] = []
    with served("openai", PARIS) as (model, _):
        model.cache = InMemoryCache()
        for _ in range(2):
            ask(model, question(), Spot, before_send=told.append)
    assert len(told) == 1


PROFILE = b"x" * 300
CARRYING = {
    "EXIF": {"exif": exif()},
    "a comment": {"comment": b"taken in Reykjavik"},
    "metadata (ICC_PROFILE)": {"icc_profile": PROFILE},
    "data in a format other than JPEG": {"format": "PNG"},
}


@EVERY
@pytest.mark.parametrize("carried", list(CARRYING))
def test_a_picture_that_carries_more_than_pixels_is_never_sent(provider: str, carried: str) -> None:
    jpeg = saved(**CARRYING[carried])
    with served(provider, PARIS) as (model, server):
        with pytest.raises(ModelError) as caught:
            ask(model, question(jpeg), Spot)
        with pytest.raises(ModelError):
            ask_many(model, question(jpeg), Spot, 2)
        assert server.received == []
    assert f"picture 1 of the prompt carries {carried}" in str(caught.value)
    assert "to_jpeg" in str(caught.value)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_bare_jpeg_is_bare_however_it_is_compressed(progressive: bool) -> None:
    assert carried_by(saved(progressive=progressive, quality=95)) is None
    assert carried_by(to_jpeg(Image.effect_noise((300, 200), 90))) is None


@pytest.mark.parametrize(
    "data",
    [
        JPEG + b"GPS 64.1417",
        JPEG[:-2],
        JPEG[:100],
        JPEG[:2],
        JPEG[:3],
        b"",
        b"\xff\xd8" + b"\xff" * 9,
    ],
)
def test_bytes_behind_a_picture_and_broken_ones_are_noticed(data: bytes) -> None:
    assert carried_by(data) is not None


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "base64": "X", "mime_type": "image/jpeg"},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,X"}},
        {"type": "image_url", "image_url": "data:image/jpeg;base64,X"},
        {"type": "image", "url": "data:image/jpeg;base64,X"},
        {"type": "image", "source": {"type": "base64", "data": "X"}},
    ],
)
def test_a_picture_is_found_in_whatever_block_it_comes(block: dict[Any, Any]) -> None:
    assert list(pictures_in([HumanMessage([{"type": "text", "text": "a"}, block])])) == ["X"]


def test_what_is_no_base64_is_refused() -> None:
    block = {"type": "image", "base64": "no base64 at all!", "mime_type": "image/jpeg"}
    with served("openai") as (model, _), pytest.raises(ModelError, match="not valid base64"):
        ask(model, [HumanMessage([block])], Spot)


def test_the_picture_arrives_as_it_was_checked() -> None:
    with served("openai", PARIS) as (model, server):
        ask(model, question(), Spot)
    assert base64.b64encode(JPEG).decode() in server.received[0].text
