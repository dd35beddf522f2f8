"""In which form each provider is asked for the schema."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from geofix.tools.models.ask import ask
from geofix.tools.models.load import load_chat_model
from geofix.tools.models.send import form_for
from tests.unit.tools.models.lab import PARIS, Spot, question, served


def sent(provider: str) -> dict[str, Any]:
    with served(provider, PARIS) as (model, server):
        ask(model, question(), Spot)
    return server.received[0].body


def test_openai_is_sent_a_strict_json_schema() -> None:
    wanted = sent("openai")["response_format"]
    assert wanted["type"] == "json_schema"
    assert wanted["json_schema"]["strict"] is True
    assert wanted["json_schema"]["schema"]["additionalProperties"] is False


def test_ollama_is_sent_the_schema_as_the_format() -> None:
    assert sent("ollama")["format"] == Spot.model_json_schema()


def test_google_is_sent_the_schema_and_asked_for_json() -> None:
    wanted = sent("google")["generationConfig"]
    assert wanted["responseMimeType"] == "application/json"
    assert wanted["responseJsonSchema"]["required"] == ["name"]


def test_anthropic_is_made_to_call_a_tool() -> None:
    body = sent("anthropic")
    assert body["tool_choice"] == {"type": "tool", "name": "Spot"}
    assert body["tools"][0]["input_schema"]["required"] == ["name"]


@pytest.mark.parametrize("name", ["claude-sonnet-5-5", "claude-opus-5-5"])
def test_a_model_that_cannot_be_forced_is_sent_a_schema_without_a_warning(name: str) -> None:
    model = load_chat_model(f"anthropic:{name}", base_url="http://127.0.0.1:9")
    with warnings.catch_warnings(action="error"):
        form = form_for(model, Spot)
    assert "tools" not in form.options
    assert form.options["output_config"]["format"]["type"] == "json_schema"
