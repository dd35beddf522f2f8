"""`GEOFIX_OFFLINE`: a whole question under a guard that lets nothing out of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import langsmith
import pytest

import tests.loopback
from geofix.tools.encoders.snapshots import find_snapshot
from geofix.tools.errors import EncoderError, ModelError
from geofix.tools.models.ask import ask, ask_many
from geofix.tools.models.load import load_chat_model
from geofix.tools.models.privacy import (
    _FORCED,
    Destination,
    address_of,
    is_loopback,
    offline,
    stay_offline,
)
from tests.fakes import ScriptedChat
from tests.loopback import Raw, chat_server
from tests.unit.tools.models.lab import PARIS, PROTOCOLS, Spot, question, served

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


@pytest.fixture
def cut_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in _FORCED:
        monkeypatch.setenv(name, "as it was")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("GEOFIX_OFFLINE", "1")
    yield
    langsmith.configure(enabled=None)


@pytest.mark.parametrize("value", ["1", "true", "YES", "on", "perhaps"])
def test_any_value_but_no_forbids(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOFIX_OFFLINE", value)
    assert offline()


@pytest.mark.parametrize("value", ["", "0", "false", "No", "off", " "])
def test_no_is_no(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOFIX_OFFLINE", value)
    assert not offline()


@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_a_server_on_this_machine_is_asked_and_nothing_else_is(
    provider: str, cut_off: None, no_way_out: list[str]
) -> None:
    with served(provider, *[PARIS] * 4) as (model, server):
        assert ask(model, question(), Spot).parsed == Spot(name="Paris")
        answers = ask_many(model, question(), Spot, 3)
    assert all(one.parsed is not None for one in answers)
    assert len(server.received) == 4


@pytest.mark.parametrize("spec", HOSTED)
def test_a_hosted_model_is_refused_by_host_and_variable(
    spec: str, cut_off: None, no_way_out: list[str]
) -> None:
    with pytest.raises(ModelError, match="GEOFIX_OFFLINE") as caught:
        load_chat_model(spec, api_key=KEY)
    host = {"openai": "api.openai.com", "anthropic": "api.anthropic.com"}.get(
        spec.partition(":")[0], "generativelanguage.googleapis.com"
    )
    assert host in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("url", ["http://192.168.1.7:8000/v1", "https://vllm.example.org/v1"])
def test_another_machine_of_ones_own_is_another_machine(
    url: str, cut_off: None, no_way_out: list[str]
) -> None:
    with pytest.raises(ModelError, match=r"192\.168\.1\.7:8000|vllm\.example\.org"):
        load_chat_model("openai:tiny", base_url=url)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_a_proxy_before_a_server_on_this_machine_is_a_way_out(
    provider: str,
    variable: str,
    cut_off: None,
    no_way_out: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, "http://me:hunter2@proxy.example.org:3128")
    with pytest.raises(ModelError, match=r"proxy\.example\.org:3128.*NO_PROXY") as caught:
        load_chat_model(f"{provider}:tiny", base_url="http://127.0.0.1:9/v1")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_no_proxy_leads_past_it(
    provider: str, cut_off: None, no_way_out: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.org:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with served(provider, PARIS) as (model, _):
        assert ask(model, question(), Spot).parsed is not None


def test_a_model_of_ones_own_must_say_that_it_stays_here(cut_off: None) -> None:
    with pytest.raises(ModelError, match="in_process = True"):
        ask(ScriptedChat(answers=[PARIS]), question(), Spot)

    class Local(ScriptedChat):
        in_process: bool = True

    assert ask(Local(answers=[PARIS]), question(), Spot).parsed is not None


def test_a_model_loaded_before_is_not_asked_either(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    model = load_chat_model("openai:gpt-4.1", api_key=KEY)
    request.getfixturevalue("cut_off")
    with guarded(monkeypatch) as tried, pytest.raises(ModelError, match=r"api\.openai\.com"):
        ask(model, question(), Spot)
    assert tried == []


def test_an_encoder_is_not_had_from_the_hub(
    cut_off: None, no_way_out: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EncoderError, match=r"GEOFIX_OFFLINE.*huggingface\.co"):
        find_snapshot("google/siglip2-base-patch16-224", None)


def test_the_libraries_below_are_told(cut_off: None) -> None:
    stay_offline()
    assert {name: os.environ[name] for name in _FORCED} == _FORCED
    assert huggingface_hub.constants.HF_HUB_OFFLINE is True


def test_the_guard_sees_what_tries_to_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_chat_model("openai:tiny", base_url="http://vllm.example.org/v1")
    far = load_chat_model("ollama:tiny", base_url="http://192.0.2.1:9")
    with guarded(monkeypatch) as tried:
        assert ask(model, question(), Spot).failure is not None
        assert ask(far, question(), Spot).failure is not None
    assert tried == ["vllm.example.org", "192.0.2.1"]


TRACED = """
import sys
from geofix.tools.models.load import load_chat_model
from geofix.tools.models.ask import ask
from tests.unit.tools.models.lab import PARIS, Spot, question
from tests.fakes import ScriptedChat
from langchain_core.tracers.langchain import wait_for_all_tracers

class Local(ScriptedChat):
    in_process: bool = True

own = len(sys.argv) < 2
model = Local(answers=[PARIS]) if own else load_chat_model("openai:tiny", base_url=sys.argv[1])
assert ask(model, question(), Spot).parsed is not None
wait_for_all_tracers()
"""


@pytest.mark.parametrize(("value", "own"), [("0", False), ("1", False), ("1", True)])
def test_langsmith_is_posted_nothing_though_it_is_asked_for(value: str, own: bool) -> None:
    script = [Raw(200, "{}")] * 40
    with served("openai", PARIS) as (_, server), chat_server(PROTOCOLS["openai"][0], *script) as to:
        environment = {
            **os.environ,
            "GEOFIX_OFFLINE": value,
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_API_KEY": KEY,
            "LANGSMITH_ENDPOINT": to.url,
            "PYTHONPATH": os.pathsep.join(
                [str(Path(tests.loopback.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
            ),
        }
        ran = subprocess.run(
            [sys.executable, "-c", TRACED, *([] if own else [f"{server.url}/v1"])],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        posted = len(to.received)
    assert ran.returncode == 0, ran.stderr
    # Without the variable langchain-core posts the prompt, which is why it is told not to.
    assert (posted > 0) is (value == "0")


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
