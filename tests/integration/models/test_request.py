"""What a model is sent over real HTTP, and what it never is."""

from __future__ import annotations

import base64
import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from geofix.agent.draft import prompts as ours
from geofix.agent.draft.presets import DRAFT_TOKENS
from geofix.tools.models.providers import PROVIDERS
from geofix.tools.photo.samples import sample_path
from tests.integration.scripted_model import KEY, PROTOCOLS, said


def test_the_request_holds_the_photo_both_lists_and_the_schema(lab: Any) -> None:
    opened = lab(said())
    opened.locate()
    (request,) = opened.server.received
    assert request.path == "/v1/chat/completions"
    system, human = request.body["messages"]
    assert system["content"] == ours.SYSTEM["dissimilar"]
    words, question = [block["text"] for block in human["content"][-2:]]
    candidates, dissimilar = words.split("\n\n")
    assert question.startswith("Where was the photo in image 1 taken?")
    assert request.body["max_completion_tokens"] == DRAFT_TOKENS
    assert "48.88" in candidates and "Paris" in candidates
    for places in (candidates, dissimilar):
        several = sum(map(int, re.findall(r"(\d+) photos within", places)))
        assert several + places.count("one photo") == 16
    wanted = request.body["response_format"]
    assert wanted["type"] == "json_schema"
    assert wanted["json_schema"]["strict"] is True
    assert list(wanted["json_schema"]["schema"]["properties"])[-3:] == [
        "latitude",
        "longitude",
        "confidence",
    ]
    assert request.body["temperature"] == 0


def telltale(folder: Path) -> Path:
    """Save the sample photo with all a file can say about where it was taken."""
    path = folder / "Reykjavik_Hallgrimskirkja_64.1417_-21.9266.jpg"
    image = Image.open(sample_path()).convert("RGB").resize((2000, 1500))
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Telltalecam", "Model Whistle"
    exif[0x010E], exif[0x013B] = "Hallgrimskirkja at noon", "Gudrun"
    exif.get_ifd(0x8825).update(
        {
            1: "N",
            2: tuple(map(IFDRational, (64, 8, 30))),
            3: "W",
            4: tuple(map(IFDRational, (21, 55, 36))),
        }
    )
    image.save(path, exif=exif, comment=b"taken in Reykjavik", icc_profile=b"Whistle profile")
    return path


@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_nothing_the_file_says_reaches_the_model(lab: Any, provider: str, tmp_path: Path) -> None:
    opened = lab(
        "no JSON here" if provider != "anthropic" else said(confidence=7), said(), provider=provider
    )
    path = telltale(tmp_path)
    fix, _ = opened.locate(path)
    assert fix.claim is not None and fix.claim.camera is not None
    assert fix.claim.latitude == pytest.approx(64.14, abs=0.01)
    assert len(opened.server.received) == 2
    for request in opened.server.received:
        everything = (request.text + json.dumps(request.headers)).lower()
        for word in (
            "reykjavik",
            "hallgrim",
            "whistle",
            "telltale",
            "gudrun",
            "64.14",
            "21.92",
            ".jpg",
            str(tmp_path).lower(),
            "sha256",
        ):
            assert word not in everything, word
        data = picture_in(request.body)
        for word in (b"Exif", b"Whistle", b"Reykjavik", b"ICC_PROFILE", b"GPS"):
            assert word not in data
        image = Image.open(BytesIO(data))
        assert image.format == "JPEG"
        side = PROVIDERS[provider].picture_px
        assert image.size == (side, side * 3 // 4)
        assert not image.getexif()
        assert not {"exif", "icc_profile", "comment"} & set(image.info)


def picture_in(body: dict[str, Any]) -> bytes:
    """Return the picture of a request: the longest string, in whatever shape it comes."""
    strings = re.findall(r'"([^"]*)"', json.dumps(body))
    # Google's client writes the alphabet of URLs.
    return base64.b64decode(
        max(strings, key=len).rpartition(",")[2].replace("-", "+").replace("_", "/")
    )


def test_ollama_gets_picture_and_schema_in_its_own_way(lab: Any) -> None:
    opened = lab(said(), provider="ollama")
    opened.locate()
    (request,) = opened.server.received
    assert request.path == "/api/chat"
    assert len(request.body["messages"][1]["images"]) == 1
    assert "Image 1 is the photo to locate." in request.body["messages"][1]["content"]
    assert request.body["format"]["required"][0] == "clues"


def test_the_key_goes_to_the_server_and_nowhere_else(lab: Any) -> None:
    opened = lab(said(), model_api_key=KEY)
    fix, _ = opened.locate()
    assert opened.server.received[0].headers["authorization"] == f"Bearer {KEY}"
    trail = opened.agent.services.trail.read(fix.run)
    model = opened.agent.services.model
    assert KEY not in f"{trail!r}{fix!r}{model!r}{opened.agent.services.settings!r}"
