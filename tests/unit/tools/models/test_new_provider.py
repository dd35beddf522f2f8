"""A provider is one row: a model of a new one is found, asked, priced and refused by it alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from geofix.tools.errors import ModelError
from geofix.tools.models import providers
from geofix.tools.models.ask import ask, ask_many
from geofix.tools.models.budget import price_at
from geofix.tools.models.load import NO_KEY, load_chat_model
from geofix.tools.models.prices import Price
from geofix.tools.models.privacy import address_of, secrets_of
from geofix.tools.models.providers import (
    Provider,
    SchemaForm,
    add_provider,
    openai_http_client,
    provider_named,
    provider_of,
)
from geofix.tools.models.send import longest_call_s
from tests.loopback import ChatServer, Finished, Raw, chat_server, openai_answer
from tests.unit.tools.models.lab import PARIS, Spot, question

SCRIPT = [PARIS, Finished(PARIS, others=(PARIS, PARIS)), Finished("no", "vetoed")]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server(openai_answer, *SCRIPT) as opened:
        yield opened


@pytest.fixture
def house(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-provider")
    host = server.url.removeprefix("http://")
    row = Provider(
        chat_class="langchain_openai:ChatOpenAI",
        package="langchain-openai",
        url=f"{server.url}/v1",
        proxy_field="openai_proxy",
        key_variable="HOUSE_API_KEY",
        timeout_field="request_timeout",
        timeout_per_call=True,
        several_answers=True,
        schema_forms=(SchemaForm({"method": "json_mode"}, as_class=False),),
        http_client=openai_http_client,
        refusals=frozenset({"vetoed"}),
        picture_px=768,
        priced_at=host,
        prices={"tiny": Price(1000, 0, source="https://house.example", read_on="2026-11-30")},
    )
    add_provider("house", row)
    yield row
    providers._PROVIDERS.pop("house")


def test_a_model_of_a_new_provider_is_asked_as_its_row_says(
    house: Provider, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOUSE_API_KEY", "house-key-0123")
    model = load_chat_model("house:tiny", timeout_s=7)
    assert provider_of(model.model_copy(update={"temperature": 1.0})) is house
    assert longest_call_s(model) == 7
    answer = ask(model, question(), Spot)
    assert (answer.parsed, answer.cost) == (Spot(name="Paris"), 0.812)
    assert server.received[0].body["response_format"] == {"type": "json_object"}
    assert server.received[0].headers["authorization"] == "Bearer house-key-0123"
    assert len(ask_many(model, question(), Spot, 3)) == 3
    assert server.received[1].body["n"] == 3
    refused = ask(model, question(), Spot)
    assert refused.failure == "the model refused: no"
    assert len(server.received) == 3


def test_a_redirect_by_a_new_provider_is_not_followed(house: Provider, server: ChatServer) -> None:
    server.script[:0] = [Raw(307, "", {"location": f"{server.url}/elsewhere"})]
    model = load_chat_model("house:tiny", api_key="house-key-0123")
    assert ask(model, question(), Spot).failure is not None
    assert len(server.received) == 1


def test_another_providers_key_is_not_sent_to_a_new_one(house: Provider) -> None:
    with pytest.raises(ModelError, match=r"'house:tiny'.* GEOFIX_MODEL_API_KEY or HOUSE_API_KEY"):
        load_chat_model("house:tiny")
    model = load_chat_model("house:tiny", base_url="http://127.0.0.1:9/v1")
    assert secrets_of(model) == [NO_KEY]
    assert address_of(model).host == "127.0.0.1:9"
    assert price_at(address_of(model), "tiny") is None


def test_what_a_row_knows_is_found_by_its_name(house: Provider) -> None:
    assert provider_named("house").picture_px == 768
    with pytest.raises(
        ModelError, match=r"'other:tiny' has no known provider.*google, house, ollama"
    ):
        load_chat_model("other:tiny")


@pytest.mark.parametrize("name", ["openai", "house:tiny", "", "a b"])
def test_a_provider_needs_a_name_of_its_own(name: str) -> None:
    with pytest.raises(ModelError, match="name"):
        add_provider(name, provider_named("openai"))
