"""What `geofix prompt` shows is what a run sends, and nobody is asked for it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from geofix.agent.draft import PresetName
from geofix.agent.draft.presets import PRESETS
from geofix.agent.draft.preview import Preview, SentPicture, preview
from geofix.tools.photo.samples import sample_path
from tests.integration.scripted_model import DOME, said

POINT = json.dumps({"latitude": DOME[0], "longitude": DOME[1]})


def told(made: Preview) -> list[list[tuple[str, list[str]]]]:
    """Return roles, words and hashes of the pictures of each request."""
    return [
        [
            (one.role, [c.sha256 if isinstance(c, SentPicture) else c for c in one.content])
            for one in messages
        ]
        for messages in made.requests
    ]


def kept(prompts: list[list[dict[str, Any]]]) -> list[list[tuple[str, list[str]]]]:
    """Return the same of what the trail keeps of a run."""
    roles = {"human": "user"}
    return [
        [
            (
                roles.get(one["role"], one["role"]),
                [one["content"]]
                if isinstance(one["content"], str)
                else [block.get("text") or block["sha256"] for block in one["content"]],
            )
            for one in messages
        ]
        for messages in prompts
    ]


@pytest.mark.parametrize("preset", list(PRESETS))
def test_the_requests_shown_are_those_a_run_sends(lab: Any, preset: PresetName) -> None:
    opened = lab(*[said() if preset == "geofix" else POINT] * 20)
    options = {"preset": preset, "exemplars": 2 if preset == "geofix" else 0}
    made = preview(opened.agent.services, sample_path(), None, options)
    assert opened.server.received == []
    assert preview(opened.agent.services, sample_path(), None, options).as_text() == made.as_text()
    _, step = opened.locate(**options)
    assert told(made) == kept(step.detail["prompts"])
    body = opened.server.received[0].body
    assert (made.schema is None) == ("response_format" not in body)
    assert body["max_completion_tokens"] == made.answer_tokens
    assert len(opened.server.received) == made.samples * len(made.requests)
    if made.temperature is not None:
        assert body["temperature"] == made.temperature


def test_it_is_written_for_people_and_as_json(lab: Any) -> None:
    services = lab().agent.services
    made = preview(services, sample_path(), "France", {"preset": "g3"})
    text = made.as_text()
    assert text.startswith("method geofix, preset=g3; preset g3; prompt version geofix-")
    assert "answers: 5 to each request; temperature: 1.2; an answer has at most 2,048" in text
    assert "===== request 4 of 4" in text and "--- system" in text
    picture = made.requests[0][1].content[-1]
    assert isinstance(picture, SentPicture) and max(picture.width, picture.height) <= 1024
    shown = f"[picture: JPEG, {picture.width} x {picture.height} px, {picture.bytes:,} bytes, no"
    assert shown in text and "montmartre" not in text
    assert 'The place lies within: "France".' in text
    assert json.loads(made.as_json())["schema"] == PRESETS["g3"].schema.model_json_schema()
    digest = hashlib.sha256(text.encode()).hexdigest()
    again = preview(services, sample_path(), "France", {"preset": "g3"}).as_text()
    assert hashlib.sha256(again.encode()).hexdigest() == digest
