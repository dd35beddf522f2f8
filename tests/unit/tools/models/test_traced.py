"""What callbacks see of one call: words, hashes and tokens; pictures only if that is asked for."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import RunnableLambda
from PIL import Image

from geofix.tools.models.ask import ModelAnswer, ask
from geofix.tools.models.privacy import Privacy, picture_of
from geofix.tools.models.traced import hiding_pictures
from geofix.tools.photo.read import to_jpeg
from geofix.tools.photo.samples import sample_path
from tests.fakes import ScriptedChat
from tests.listeners import Listener
from tests.loopback import Raw
from tests.unit.tools.models.lab import PARIS, PROTOCOLS, Spot, question, served

JPEG = to_jpeg(Image.open(sample_path()).resize((320, 240)))
PICTURE = base64.b64encode(JPEG).decode("ascii")
HASH = f"sha256:{hashlib.sha256(JPEG).hexdigest()}"


def heard(model: BaseChatModel, **terms: Any) -> tuple[ModelAnswer[Spot], Listener]:
    """Ask inside a host's run that is listened to."""
    listener = Listener()
    step = RunnableLambda(lambda _: ask(model, question(JPEG), Spot, **terms))
    return step.invoke(None, {"callbacks": [listener]}), listener


@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_the_client_sends_the_picture_that_callbacks_see_the_hash_of(provider: str) -> None:
    with served(provider, PARIS) as (model, server):
        answer, listener = heard(model)
    assert answer.parsed == Spot(name="Paris")
    # Google's client writes the alphabet of URLs.
    sent = server.received[0].text.replace("-", "+").replace("_", "/")
    assert PICTURE in sent and HASH not in sent
    assert HASH in listener.everything and PICTURE[600:700] not in listener.everything
    assert "nostream" in listener.everything


@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_a_server_that_quotes_the_request_puts_no_picture_into_traces(provider: str) -> None:
    quoting = Raw(400, json.dumps({"error": {"message": f"bad input {PICTURE}", "code": 400}}))
    with served(provider, quoting) as (model, _):
        answer, listener = heard(model)
    assert "on_llm_error" in listener.names()
    for seen in (listener.everything, str(answer.failure)):
        assert "bad input" in seen
        assert not re.search(r"[A-Za-z0-9+/]{200}", seen)


def test_other_errors_reach_callbacks_as_the_client_raised_them() -> None:
    class OwnError(Exception):
        pass

    answer, listener = heard(ScriptedChat(answers=[OwnError("no such luck")]))
    assert "OwnError('no such luck')" in listener.everything
    assert answer.failure == "the model failed: OwnError: no such luck"


def test_pictures_are_traced_where_the_host_wants_them() -> None:
    answer, listener = heard(ScriptedChat(answers=[PARIS]), privacy=Privacy(trace_photos=True))
    assert answer.parsed is not None and PICTURE[600:700] in listener.everything


class Chained(ScriptedChat):
    """Does not show how it structures its answers."""

    def with_structured_output(self, schema: Any, **options: Any) -> Any:
        return RunnableLambda(lambda asked: {"raw": self.invoke(asked)})


class Router(ScriptedChat):
    """Asks another model, whose run would be listened to as well."""

    inner: BaseChatModel

    def _generate(self, messages: list[BaseMessage], *args: Any, **options: Any) -> ChatResult:
        self.seen.append(messages)
        self.inner.invoke(messages)
        return super()._generate(messages, *args, **options)


def routed() -> ScriptedChat:
    return Router(answers=[PARIS], inner=ScriptedChat(answers=["whatever"]))


@pytest.mark.parametrize("make", [lambda: Chained(answers=[PARIS]), routed])
def test_whatever_the_model_is_made_of(make: Callable[[], ScriptedChat]) -> None:
    model = make()
    answer, listener = heard(model)
    assert answer.parsed is not None
    (message,) = model.seen[0]
    assert [picture_of(block) for block in message.content if isinstance(block, dict)] == [
        None,
        PICTURE,
    ]
    assert HASH in listener.everything and PICTURE[600:700] not in listener.everything


def test_a_copy_that_hides_pictures_goes_by_the_names_of_its_model() -> None:
    with served("openai") as (model, _):
        copied = hiding_pictures(model)
        assert type(copied).__name__ == type(model).__name__
        assert (copied.lc_id(), copied.asdict()) == (model.lc_id(), model.asdict())
        assert type(model) is not type(copied)
    with pytest.raises(KeyError, match="sha256:00"):
        copied.invoke([HumanMessage([{"type": "image", "url": "sha256:00"}])])
