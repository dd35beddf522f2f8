"""The draft by a model over real HTTP: what it is sent, what its word is worth, how it fails."""

from __future__ import annotations

import base64
import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from geofix.agent import Agent, Fix, Settings, open_agent, prompts
from geofix.agent.errors import ModelError
from geofix.db.trail import Step
from geofix.tools.encoders import Encoder
from geofix.tools.geo import haversine_km
from geofix.tools.samples import sample_path
from tests.loopback import (
    TOKENS_IN,
    TOKENS_OUT,
    ChatServer,
    Finished,
    Protocol,
    Raw,
    anthropic_answer,
    chat_server,
    ollama_answer,
    openai_answer,
)

SACRE_COEUR = (48.8867, 2.3431)
KEY = "sk-very-secret-0123456789"
TIMEOUT_S = 0.3

PROTOCOLS: dict[str, tuple[Protocol, str]] = {
    "openai": (openai_answer, "/v1"),
    "ollama": (ollama_answer, ""),
    "anthropic": (anthropic_answer, ""),
}


def said(**changes: Any) -> str:
    answer = {
        "clues": [{"kind": "landmark", "observation": "a white dome on a hill"}],
        "hypotheses": ["Paris: Sacre-Coeur", "Rome: no such dome"],
        "can_tell": True,
        "latitude": 48.8867,
        "longitude": 2.3431,
        "confidence": 0.9,
    }
    return json.dumps({**answer, **changes})


class Lab:
    """An agent whose model lives on loopback."""

    def __init__(self, agent: Agent, server: ChatServer) -> None:
        self.agent = agent
        self.server = server

    def locate(self, photo: Path | None = None, **options: Any) -> tuple[Fix, Step]:
        """Return the answer and the first draft's step."""
        fix = self.agent.locate(photo or sample_path(), **options)
        return fix, self.drafts(fix)[0]

    def drafts(self, fix: Fix) -> list[Step]:
        assert fix.run is not None
        steps = self.agent.services.trail.read(fix.run).steps
        return [step for step in steps if step.node == "draft"]


@pytest.fixture
def lab(starter_url: str, encoder: Encoder) -> Iterator[Any]:
    """Opens an agent on the starter gallery whose model answers by a script."""
    with ExitStack() as stack:

        @contextmanager
        def opened(*script: str | Finished | Raw, provider: str = "openai", **more: Any) -> Any:
            protocol, path = PROTOCOLS[provider]
            with chat_server(protocol, *script) as server:
                settings = Settings(
                    database_url=starter_url,
                    model=f"{provider}:tiny",
                    model_url=server.url + path,
                    model_timeout_s=TIMEOUT_S,
                    **more,
                )
                with open_agent(settings, encoder=encoder) as agent:
                    yield Lab(agent, server)

        yield lambda *script, **more: stack.enter_context(opened(*script, **more))


def is_in_paris(fix: Fix) -> bool:
    assert fix.latitude is not None and fix.longitude is not None
    return bool(haversine_km(fix.latitude, fix.longitude, *SACRE_COEUR) < 1)


def sent_photo(body: dict[str, Any]) -> bytes:
    """Return the one picture of a request to an OpenAI-compatible server."""
    (block,) = [part for part in body["messages"][1]["content"] if part["type"] == "image_url"]
    head, data = block["image_url"]["url"].split(",")
    assert head == "data:image/jpeg;base64"
    return base64.b64decode(data)


def test_the_request_holds_the_photo_both_lists_and_the_schema(lab: Any) -> None:
    opened = lab(said())
    opened.locate()
    (request,) = opened.server.received
    assert request.path == "/v1/chat/completions"
    system, human = request.body["messages"]
    assert system["content"] == prompts.SYSTEM
    words = human["content"][-1]["text"]
    similar, dissimilar = words.split("\n\n")
    assert "48.88" in similar and "Paris" in similar
    assert similar.count("\n") == 16
    assert dissimilar.count("\n") == 16
    wanted = request.body["response_format"]
    assert wanted["type"] == "json_schema"
    assert wanted["json_schema"]["strict"] is True
    assert list(wanted["json_schema"]["schema"]["properties"])[-3:] == [
        "latitude",
        "longitude",
        "confidence",
    ]
    assert request.body["temperature"] == 0


def test_the_answers_draft_is_in_the_trail_as_the_models(lab: Any) -> None:
    opened = lab(said())
    fix, step = opened.locate()
    assert fix.drafted_by == "openai:tiny"
    assert fix.degraded == []
    detail = step.detail
    assert detail["drafted_by"] == "openai:tiny"
    assert (detail["latitude"], detail["longitude"]) == SACRE_COEUR
    assert detail["prompt_version"] == prompts.VERSION
    assert detail["answers"] == [said()]
    assert detail["tokens"] == {"input_tokens": TOKENS_IN, "output_tokens": TOKENS_OUT}
    assert detail["clues"][0]["observation"] == "a white dome on a hill"
    system, human = detail["prompt"]
    asked = opened.server.received[0].body["messages"]
    assert system["content"] == asked[0]["content"]
    assert human["content"][0]["text"] == asked[1]["content"][0]["text"]
    assert human["content"][1]["bytes"] == len(sent_photo(opened.server.received[0].body))
    assert human["content"][2]["text"] == asked[1]["content"][2]["text"]


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
        assert image.size == (1024, 768)
        assert not image.getexif()
        assert not {"exif", "icc_profile", "comment"} & set(image.info)


def picture_in(body: dict[str, Any]) -> bytes:
    """Return the picture of a request: the longest string, in whatever shape it comes."""
    strings = re.findall(r'"([^"]*)"', json.dumps(body))
    return base64.b64decode(max(strings, key=len).rpartition(",")[2])


@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_every_provider_drafts(lab: Any, provider: str) -> None:
    opened = lab(said(), provider=provider)
    fix, step = opened.locate()
    assert fix.drafted_by == f"{provider}:tiny"
    assert fix.degraded == []
    assert is_in_paris(fix)
    assert json.loads(step.detail["answers"][0]) == json.loads(said())
    assert step.detail["tokens"] == {"input_tokens": TOKENS_IN, "output_tokens": TOKENS_OUT}
    assert len(opened.server.received) == 1


def test_ollama_gets_picture_and_schema_in_its_own_way(lab: Any) -> None:
    opened = lab(said(), provider="ollama")
    opened.locate()
    (request,) = opened.server.received
    assert request.path == "/api/chat"
    assert len(request.body["messages"][1]["images"]) == 1
    assert "Image 1 is the photo to locate." in request.body["messages"][1]["content"]
    assert request.body["format"]["required"][0] == "clues"


def test_a_draft_that_agrees_raises_the_candidate(lab: Any) -> None:
    silent, _ = lab(said(can_tell=False)).locate()
    fix, _ = lab(said()).locate()
    assert fix.candidates[0].origin == "cluster+draft"
    assert silent.candidates[0].origin == "cluster"
    assert fix.candidates[0].score > silent.candidates[0].score
    assert "the model's draft names the same place" in fix.reasons
    assert is_in_paris(fix)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ({"latitude": -33.87, "longitude": 151.1}, "no retrieved photo within 200 km"),
        ({"latitude": -40.0, "longitude": -120.0}, "lies in the sea"),
        ({"latitude": 2.3431, "longitude": 48.8867}, "lies in the sea"),
    ],
)
def test_a_draft_no_photo_supports_is_vetoed_and_moves_nothing(
    lab: Any, place: dict[str, float], why: str
) -> None:
    alone, _ = lab(said(can_tell=False)).locate()
    fix, step = lab(said(**place, confidence=1)).locate()
    assert fix.drafted_by == "openai:tiny"
    assert (fix.latitude, fix.longitude) == (alone.latitude, alone.longitude)
    assert is_in_paris(fix)
    (vetoed,) = [candidate for candidate in fix.candidates if candidate.vetoed]
    assert vetoed.origin == "draft"
    assert why in str(vetoed.vetoed)
    assert any("was left out" in reason and why in reason for reason in fix.reasons)
    swapped = place["latitude"] == SACRE_COEUR[1]
    assert step.detail["notes"] == (
        ["the model seems to have swapped latitude and longitude"] if swapped else []
    )


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (said(latitude=0, longitude=0), "(0, 0)"),
        (said(latitude=None, longitude=None), "gave no coordinates"),
        (said(can_tell=False), "cannot tell"),
        (said(latitude=95), "not on the Earth"),
        (said(latitude=139.7, longitude=35.7), "swapped"),
    ],
)
def test_an_answer_that_is_none_leaves_the_photos_to_decide(
    lab: Any, answer: str, note: str
) -> None:
    fix, step = lab(answer).locate()
    assert fix.drafted_by == "openai:tiny"
    assert fix.degraded == []
    assert is_in_paris(fix)
    assert all(candidate.origin == "cluster" for candidate in fix.candidates)
    assert note in " ".join(step.detail["notes"])


@pytest.mark.parametrize(
    ("provider", "first"),
    [
        ("openai", ""),
        ("openai", "It is Paris, by the dome."),
        ("openai", said()[:120]),
        ("openai", said(latitude="north of here")),
        ("openai", said(confidence=90)),
        ("openai", said(clues=[{"kind": "smell", "observation": "bread"}])),
        ("openai", "{}"),
        ("ollama", "It is Paris, by the dome."),
        ("ollama", said()[:120]),
        ("anthropic", said(confidence=90)),
    ],
)
def test_an_unusable_answer_is_mended_by_one_turn_that_says_what_is_wrong(
    lab: Any, provider: str, first: str
) -> None:
    opened = lab(first, said(), provider=provider)
    fix, step = opened.locate()
    assert fix.drafted_by == f"{provider}:tiny"
    assert fix.degraded == []
    wrong = step.detail["repaired"]
    assert wrong
    assert len(opened.server.received) == 2
    last = opened.server.received[1].body["messages"][-1]
    assert last["role"] == "user"
    assert f"That answer cannot be used: {wrong}." in str(last["content"]).replace("\\'", "'")
    assert step.detail["tokens"]["input_tokens"] == 2 * TOKENS_IN


@pytest.mark.parametrize("provider", ["openai", "ollama"])
@pytest.mark.parametrize("wrapped", ["```json\n{}\n```", "Sure! Here it is:\n{}\nAnything else?"])
def test_a_fence_or_prose_around_the_answer_needs_no_second_turn(
    lab: Any, provider: str, wrapped: str
) -> None:
    opened = lab(wrapped.replace("{}", said()), provider=provider)
    fix, step = opened.locate()
    assert fix.drafted_by == f"{provider}:tiny"
    assert step.detail["repaired"] is None
    assert len(opened.server.received) == 1


BUSY = Raw(503, '{"error": {"message": "busy"}}', {"retry-after": "0"})
DENIED = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}"}})
FAILURES: dict[str, tuple[tuple[str | Finished | Raw, ...], str]] = {
    "500": ((Raw(500, '{"error": {"message": "boom"}}', {"retry-after": "0"}),) * 3, "500"),
    "503": ((BUSY,) * 3, "busy"),
    "401": ((Raw(401, DENIED),), "401"),
    "404": ((Raw(404, "no such model"),), "404"),
    "429": ((Raw(429, "{}", {"retry-after": "3600"}),), "429"),
    "silent": ((Raw(silent=True),), "timed out"),
    "cut": ((Raw(body=said() * 3, cut=True),), "closed connection"),
    "html": ((Raw(body="<html>Welcome to nginx</html>"),), "JSON"),
    "no choices": ((Raw(body="{}"),), "the model failed"),
    "length": ((Finished(said()[:99], "length"),), "length limit"),
    "refusal": ((Finished(None, refusal="I do not locate people."),), "I do not locate people."),
    "empty twice": (("", ""), "it is empty"),
    "prose twice": (("Paris", "Paris!"), "it wrote 'Paris!'"),
    "mended too late": (("Paris", Raw(401, DENIED)), "401"),
}
OLLAMA_FAILURES = ("401", "404", "silent", "cut", "html", "no choices", "empty twice")
ANTHROPIC_FAILURES = ("500", "401", "429", "silent", "cut")


@pytest.mark.parametrize(
    ("provider", "failure"),
    [
        *[("openai", name) for name in FAILURES],
        *[("ollama", name) for name in OLLAMA_FAILURES],
        *[("anthropic", name) for name in ANTHROPIC_FAILURES],
    ],
)
def test_whatever_fails_ends_in_an_answer_that_says_so(
    lab: Any, provider: str, failure: str
) -> None:
    script, word = FAILURES[failure]
    more = {} if provider == "ollama" else {"model_api_key": KEY}
    opened = lab(*script, provider=provider, **more)
    fix, step = opened.locate()
    assert fix.drafted_by == "consensus"
    assert is_in_paris(fix)
    (reason,) = fix.degraded
    assert reason.startswith("draft: the model") and reason.endswith("; the photos voted instead")
    assert word.lower() in reason.lower()
    assert step.degraded == (reason,)
    assert step.detail["model"] == f"{provider}:tiny"
    assert len(opened.server.received) == len(script)
    if provider != "ollama":
        trail = opened.agent.services.trail.read(fix.run)
        assert KEY not in f"{trail!r}{fix!r}{opened.agent.services.settings!r}"


def test_a_server_that_is_not_there_ends_in_an_answer(starter_url: str, encoder: Encoder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        settings = Settings(database_url=starter_url, model="openai:tiny", model_url=url)
        with open_agent(settings, encoder=encoder) as agent:
            fix = agent.locate(sample_path())
    assert fix.drafted_by == "consensus"
    assert "Connection refused" in fix.degraded[0]


def test_a_busy_server_is_asked_again(lab: Any) -> None:
    opened = lab(BUSY, said())
    fix, _ = opened.locate()
    assert (fix.drafted_by, fix.degraded) == ("openai:tiny", [])
    assert len(opened.server.received) == 2


def test_what_a_model_writes_cannot_break_the_trail(lab: Any) -> None:
    nasty = said(hypotheses=["a\0b", "'; drop table runs; --"])
    fix, step = lab(f"\0 half a character: \ud800 {nasty}").locate()
    assert fix.drafted_by == "openai:tiny"
    assert step.detail["hypotheses"][0] == "ab"


def test_the_key_goes_to_the_server_and_nowhere_else(lab: Any) -> None:
    opened = lab(said(), model_api_key=KEY)
    fix, _ = opened.locate()
    assert opened.server.received[0].headers["authorization"] == f"Bearer {KEY}"
    trail = opened.agent.services.trail.read(fix.run)
    model = opened.agent.services.model
    assert KEY not in f"{trail!r}{fix!r}{model!r}{opened.agent.services.settings!r}"


@pytest.mark.parametrize("model", ["gemini:tiny", "openai:tiny", "anthropic:tiny"])
def test_a_model_that_cannot_be_set_up_is_an_error_and_no_answer(
    model: str, starter_url: str, encoder: Encoder
) -> None:
    # No address and no key: there is nothing to ask.
    settings = Settings(database_url=starter_url, model=model)
    with open_agent(settings, encoder=encoder) as agent, pytest.raises(ModelError):
        agent.locate(sample_path())
