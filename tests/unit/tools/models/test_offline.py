"""The setting `offline`: a whole question under a guard that lets nothing out of this machine."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

import tests.loopback
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.tools.errors import EncoderError, ModelError
from geofix.tools.models.ask import ask, ask_many
from geofix.tools.models.load import load_chat_model
from geofix.tools.models.privacy import (
    Destination,
    Privacy,
    address_of,
    is_loopback,
)
from tests.fakes import ScriptedChat
from tests.listeners import collector
from tests.unit.tools.models.lab import JPEG, PARIS, PROTOCOLS, Spot, question, served

KEY = "sk-very-secret-0123456789"
HOSTED = ["openai:gpt-4.1", "anthropic:claude-opus-5", "google:gemini-3.5-flash"]


@contextmanager
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Refuse every connection and every look-up that is not of this machine.

    Yields:
        What was tried, which a client may have swallowed; the caller looks at it.
    """
    tried: list[str] = []

    def judged(real: Any, host_of: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            host = host_of(*arguments, **options)
            if host is not None and not is_loopback(str(host)):
                tried.append(str(host))
                raise OSError(f"the guard refuses {host!r}")
            return real(*arguments, **options)

        return call

    def peer(one: socket.socket, address: Any, *rest: Any) -> Any:
        # A path is a socket of this machine.
        return address[0] if isinstance(address, tuple) else None

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, judged(getattr(socket.socket, name), peer))
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        looked_up = judged(getattr(socket, name), lambda host, *rest, **options: host)
        monkeypatch.setattr(socket, name, looked_up)
    yield tried


@pytest.fixture
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    with guarded(monkeypatch) as tried:
        yield tried
    assert tried == []


SHUT = Privacy(offline=True)


@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_a_server_on_this_machine_is_asked_and_nothing_else_is(
    provider: str, no_way_out: list[str]
) -> None:
    with served(provider, *[PARIS] * 4, offline=True) as (model, server):
        assert ask(model, question(), Spot, privacy=SHUT).parsed == Spot(name="Paris")
        answers = ask_many(model, question(), Spot, 3, privacy=SHUT)
    assert all(one.parsed is not None for one in answers)
    assert len(server.received) == 4


@pytest.mark.parametrize("spec", HOSTED)
def test_a_hosted_model_is_refused_by_host_and_variable(spec: str, no_way_out: list[str]) -> None:
    with pytest.raises(ModelError, match="GEOFIX_OFFLINE") as caught:
        load_chat_model(spec, api_key=KEY, offline=True)
    host = {"openai": "api.openai.com", "anthropic": "api.anthropic.com"}.get(
        spec.partition(":")[0], "generativelanguage.googleapis.com"
    )
    assert host in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("url", ["http://192.168.1.7:8000/v1", "https://vllm.example.org/v1"])
def test_another_machine_of_ones_own_is_another_machine(url: str, no_way_out: list[str]) -> None:
    with pytest.raises(ModelError, match=r"192\.168\.1\.7:8000|vllm\.example\.org"):
        load_chat_model("openai:tiny", base_url=url, offline=True)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_a_proxy_before_a_server_on_this_machine_is_a_way_out(
    provider: str,
    variable: str,
    no_way_out: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, "http://me:hunter2@proxy.example.org:3128")
    with pytest.raises(ModelError, match=r"proxy\.example\.org:3128.*NO_PROXY") as caught:
        load_chat_model(f"{provider}:tiny", base_url="http://127.0.0.1:9/v1", offline=True)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_no_proxy_leads_past_it(
    provider: str, no_way_out: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.org:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with served(provider, PARIS, offline=True) as (model, _):
        assert ask(model, question(), Spot, privacy=SHUT).parsed is not None


def test_a_model_of_ones_own_must_say_that_it_stays_here() -> None:
    with pytest.raises(ModelError, match="in_process = True"):
        ask(ScriptedChat(answers=[PARIS]), question(), Spot, privacy=SHUT)

    class Local(ScriptedChat):
        in_process: bool = True

    assert ask(Local(answers=[PARIS]), question(), Spot, privacy=SHUT).parsed is not None


def test_a_model_loaded_before_is_not_asked_either(
    no_way_out: list[str],
) -> None:
    model = load_chat_model("openai:gpt-4.1", api_key=KEY)
    with pytest.raises(ModelError, match=r"api\.openai\.com"):
        ask(model, question(), Spot, privacy=SHUT)


def test_two_agents_of_one_process_are_each_as_their_settings_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    before = dict(os.environ)
    named = {"encoder": "google/siglip2-base-patch16-224", "model": "openai:gpt-4.1"}
    shut, free = (Services(Settings(**named, model_api_key=KEY, offline=o)) for o in (True, False))
    with guarded(monkeypatch) as tried:
        with pytest.raises(EncoderError, match=r"GEOFIX_OFFLINE.*huggingface\.co"):
            _ = shut.encoder
        with pytest.raises(ModelError, match=r"GEOFIX_OFFLINE"):
            _ = shut.model
        assert tried == []
        # Not forbidden, so that it tries; the guard is what stops it.
        with pytest.raises(EncoderError, match="could not be had"):
            _ = free.encoder
        assert set(tried) == {"huggingface.co"}
    assert free.model is not None
    assert (shut.privacy.offline, free.privacy.offline) == (True, False)
    assert dict(os.environ) == before
    assert huggingface_hub.constants.HF_HUB_OFFLINE is False


def test_the_variable_is_for_every_agent_that_reads_its_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GEOFIX_OFFLINE", "1")
    assert Services().privacy == SHUT


def test_the_guard_sees_what_tries_to_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_chat_model("openai:tiny", base_url="http://vllm.example.org/v1")
    far = load_chat_model("ollama:tiny", base_url="http://192.0.2.1:9")
    with guarded(monkeypatch) as tried:
        assert ask(model, question(), Spot).failure is not None
        assert ask(far, question(), Spot).failure is not None
    assert tried == ["vllm.example.org", "192.0.2.1"]


TRACED = """
from geofix.agent.services import Services
from geofix.tools.models.ask import ask
from tests.unit.tools.models.lab import Spot, question
from langchain_core.tracers.langchain import wait_for_all_tracers

services = Services()
assert ask(services.model, question(), Spot, privacy=services.privacy).parsed is not None
wait_for_all_tracers()
"""


@pytest.mark.parametrize("value", ["0", "1"])
def test_langsmith_is_posted_no_picture_and_offline_nothing(value: str) -> None:
    with served("openai", PARIS) as (_, server), collector() as to:
        environment = {
            **os.environ,
            "GEOFIX_MODEL": "openai:tiny",
            "GEOFIX_MODEL_URL": f"{server.url}/v1",
            "GEOFIX_OFFLINE": value,
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_API_KEY": KEY,
            "LANGSMITH_ENDPOINT": to.url,
            "PYTHONPATH": os.pathsep.join(
                [str(Path(tests.loopback.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
            ),
        }
        ran = subprocess.run(
            [sys.executable, "-c", TRACED],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    if value == "1":
        assert to.bodies == []
        return
    assert f"sha256:{hashlib.sha256(JPEG).hexdigest()}" in to.everything
    assert base64.b64encode(JPEG).decode()[500:600] not in to.everything


@pytest.mark.parametrize(
    ("host", "stays"),
    [
        ("localhost", True),
        ("gpu.localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("[::1]", True),
        ("0.0.0.0", True),
        ("10.0.0.1", False),
        ("localhost.example.org", False),
        ("[::ffff:8.8.8.8]", False),
        ("vllm", False),
    ],
)
def test_this_machine_is_told_by_its_name_alone(
    host: str, stays: bool, no_way_out: list[str]
) -> None:
    model = load_chat_model("ollama:tiny", base_url=f"http://{host}:11434")
    address = address_of(model)
    assert address.stays is stays
    assert address.host.endswith(":11434")


def test_variables_of_the_clients_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_BASE", "http://10.0.0.1/v1")
    monkeypatch.setenv("OLLAMA_HOST", "10.0.0.2:11434")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://10.0.0.3")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://10.0.0.4")
    found = {
        load: address_of(load_chat_model(load, api_key=None if "ollama" in load else KEY)).host
        for load in ("openai:tiny", "ollama:tiny", "google:tiny", "anthropic:tiny")
    }
    assert list(found.values()) == ["10.0.0.1", "10.0.0.2:11434", "10.0.0.3", "10.0.0.4"]


def test_a_proxy_is_shown_where_there_is_one() -> None:
    assert str(Destination("a:1", stays=False, proxy="b:2")) == "a:1 through the proxy b:2"
    assert str(Destination("a:1", stays=False)) == "a:1"
