"""Drafting by Hugging Face's own server, `transformers serve`, over a tiny LLaVA."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from geofix import Settings
from geofix.agent.draft import check as checking
from geofix.tools.encoders import Encoder
from geofix.tools.models.load import load_chat_model
from tests.integration.scripted_model import is_in_paris, said
from tests.real_servers import drafted, question, transformers_serve
from tests.tiny_llava import IMAGE_TOKENS, save_tiny_llava

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llava(tmp_path_factory.mktemp("models") / "tiny-llava", said(color="red"))


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with transformers_serve(folder) as address:
        yield address


def test_it_drafts_from_the_photo(
    starter_url: str, encoder: Encoder, folder: Path, url: str
) -> None:
    settings = Settings(database_url=starter_url, model=f"openai:{folder}", model_url=url)
    fix, step = drafted(settings, encoder)
    assert fix.drafted_by == f"openai:{folder}"
    assert fix.degraded == []
    assert is_in_paris(fix)
    assert fix.candidates[0].origin == "cluster+draft"
    assert json.loads(step.detail["answers"][0]) == json.loads(said(color="red"))
    assert step.detail["tokens"]["output_tokens"] == 2


def test_the_photo_reaches_the_models_vision_tower(folder: Path, url: str) -> None:
    model = load_chat_model(f"openai:{folder}", base_url=url)
    read = [
        (model.invoke([question("Where is this?", photo=photo)]).usage_metadata or {})[
            "input_tokens"
        ]
        for photo in (False, True)
    ]
    assert read[1] - read[0] == IMAGE_TOKENS


def test_the_check_finds_that_it_does_not_look(folder: Path, url: str) -> None:
    found = checking.check(Settings(model_url=url), f"openai:{folder}")
    assert found.pictures.sight == "alike"
    assert found.pictures.named == {"red": "red", "blue": "red"}
    assert found.why_not is not None and "whatever the picture shows" in found.why_not
    assert found.model == f"{folder}@main"
    assert found.drafting.fit == "first try"
    # It takes no notice of `n`, so each of the three is asked for.
    assert found.several is not None
    assert (found.several.usable, found.several.different, found.several.calls) == (3, 1, 3)
