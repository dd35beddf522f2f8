"""Chat models by name: what is found, what is refused before a run begins, what stays secret."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel

from geofix.db.plain_text import without
from geofix.tools.errors import ModelError
from geofix.tools.models.load import NO_KEY, load_chat_model
from geofix.tools.models.privacy import address_of, secrets_of
from geofix.tools.models.providers import model_name
from tests.fakes import ScriptedChat

KEY = "sk-very-secret-0123456789"
LOCAL = "http://127.0.0.1:9/v1"
HOSTED = ["openai", "anthropic", "google", "openrouter"]


def held(model: BaseChatModel, name: str) -> Any:
    return getattr(model, name)


@pytest.mark.parametrize("spec", ["", "tiny", "openai", "openai:", ":tiny", "gemini:tiny"])
def test_a_model_that_is_not_provider_and_model_is_refused_with_an_example(spec: str) -> None:
    with pytest.raises(ModelError, match="provider:model") as caught:
        load_chat_model(spec, base_url=LOCAL)
    assert repr(spec) in str(caught.value)
    assert "anthropic, google, ollama, openai, openrouter, transformers" in str(caught.value)


def test_a_model_name_may_hold_colons_and_slashes() -> None:
    assert held(load_chat_model("ollama:qwen2.5vl:7b"), "model") == "qwen2.5vl:7b"
    model = load_chat_model("openai:Qwen/Qwen2.5-VL-7B-Instruct", base_url=LOCAL)
    assert held(model, "model_name") == "Qwen/Qwen2.5-VL-7B-Instruct"


@pytest.mark.parametrize("provider", ["openai", "ollama", "anthropic", "google"])
def test_a_missing_package_says_what_to_install(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = "langchain_google_genai" if provider == "google" else f"langchain_{provider}"
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModelError) as caught:
        load_chat_model(f"{provider}:tiny", base_url=LOCAL)
    assert f"pip install 'geofix[{provider}]'" in str(caught.value)


@pytest.mark.parametrize("provider", HOSTED)
def test_a_hosted_model_without_a_key_is_refused_at_once(provider: str) -> None:
    with pytest.raises(ModelError, match="GEOFIX_MODEL_API_KEY") as caught:
        load_chat_model(f"{provider}:tiny")
    assert f"{provider.upper()}_API_KEY" in str(caught.value)


@pytest.mark.parametrize("provider", HOSTED)
def test_the_providers_own_variable_is_never_sent_to_another_address(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{provider.upper()}_API_KEY", KEY)
    assert KEY in secrets_of(load_chat_model(f"{provider}:tiny"))
    assert secrets_of(load_chat_model(f"{provider}:tiny", base_url=LOCAL)) == [NO_KEY]


def test_openrouter_is_asked_at_its_own_address_with_its_own_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-another")
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    model = load_chat_model("openrouter:qwen/qwen2.5-vl-72b-instruct")
    assert address_of(model).host == "openrouter.ai"
    assert secrets_of(model) == [KEY]
    assert held(model, "model_name") == "qwen/qwen2.5-vl-72b-instruct"


def test_ollama_takes_no_key_of_ours_and_says_where_it_goes() -> None:
    with pytest.raises(ModelError, match="OLLAMA_API_KEY") as caught:
        load_chat_model("ollama:tiny", api_key=KEY)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:8000/v1", "not a url", "", "http://", "http://[::1"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ModelError, match="GEOFIX_MODEL_URL"):
        load_chat_model("openai:tiny", base_url=url)


def test_the_login_of_a_bad_address_is_not_shown() -> None:
    with pytest.raises(ModelError) as caught:
        load_chat_model("openai:tiny", base_url="ftp://me:hunter2@host/v1")
    assert "hunter2" not in str(caught.value)
    assert "host/v1" in str(caught.value)


@pytest.mark.parametrize("provider", HOSTED)
def test_a_key_shows_in_no_repr_and_in_no_error(provider: str) -> None:
    model = load_chat_model(f"{provider}:tiny", base_url=LOCAL, api_key=KEY)
    assert KEY in secrets_of(model)
    assert KEY not in repr(model) + str(model)


def test_a_client_that_refuses_an_option_is_quoted_without_the_key() -> None:
    with pytest.raises(ModelError, match="timeout: Input should be a valid number") as caught:
        load_chat_model("anthropic:tiny", api_key=KEY, timeout_s="soon")  # type: ignore[arg-type]
    assert KEY[:6] not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("provider", HOSTED)
def test_the_clients_own_retries_are_off_for_they_repeat_time_outs(provider: str) -> None:
    model = load_chat_model(f"{provider}:tiny", base_url=LOCAL, timeout_s=7)
    # Google's client counts tries, and takes 0 for its own default.
    assert held(model, "max_retries") == (1 if provider == "google" else 0)


def test_only_a_server_of_ones_own_is_told_a_temperature() -> None:
    assert held(load_chat_model("openai:tiny", base_url=LOCAL), "temperature") == 0
    assert held(load_chat_model("ollama:tiny"), "temperature") == 0
    assert held(load_chat_model("openai:o4-mini", api_key=KEY), "temperature") is None
    assert held(load_chat_model("google:tiny", base_url=LOCAL), "temperature") == 0


def test_a_variable_does_not_send_googles_model_to_vertex(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "of-the-host")
    model = load_chat_model("google:tiny", base_url=LOCAL)
    assert address_of(model).host == "127.0.0.1:9"
    assert held(model, "_use_vertexai") is False


def test_a_model_handed_over_is_named_as_the_provider_names_it() -> None:
    assert model_name(load_chat_model("openai:tiny", base_url=LOCAL)) == "openai:tiny"
    assert model_name(load_chat_model("ollama:tiny")) == "ollama:tiny"
    assert model_name(ScriptedChat(answers=[])) == "scripted:one"


def test_secrets_are_blacked_out_and_none_is_no_secret() -> None:
    assert without(f"key {KEY} and {KEY}", None, "", KEY) == "key *** and ***"
