from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
import transformers
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration
from PIL import Image
from pydantic import BaseModel

from geofix.tools.models.load import load_chat_model
from geofix.tools.transformers_chat import TransformersChat
from tests.unit.tools.transformers_chat.families import write


class Clue(BaseModel):
    kind: Literal["text", "road", "sun"]
    observation: str


class Place(BaseModel):
    """Nested lists, a choice, unions with null: what a draft is made of."""

    clues: list[Clue]
    can_tell: bool
    latitude: float | None
    confidence: float


RED, BLUE = Image.new("RGB", (70, 50), (255, 0, 0)), Image.new("RGB", (40, 90), (0, 0, 255))


def block(picture: Image.Image) -> dict[str, str]:
    file = BytesIO()
    picture.save(file, "JPEG")
    encoded = base64.b64encode(file.getvalue()).decode()
    return {"type": "image", "base64": encoded, "mime_type": "image/jpeg"}


QUESTION: list[BaseMessage] = [
    SystemMessage("Be brief."),
    HumanMessage(
        [
            {"type": "text", "text": "Image 1:"},
            block(RED),
            {"type": "text", "text": "Image 2:"},
            block(BLUE),
            {"type": "text", "text": "Where?"},
        ]
    ),
]


def messages(model: TransformersChat, **options: Any) -> list[AIMessage]:
    """Every answer of one call."""
    given = model.generate([QUESTION], **options).generations[0]
    return [
        one.message
        for one in given
        if isinstance(one, ChatGeneration) and isinstance(one.message, AIMessage)
    ]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads take longer to meet than these models to compute; and no advice is printed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    logging: Any = transformers.utils.logging
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    yield
    logging.set_verbosity(level)
    logging.enable_progress_bar()
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Where a tiny model of a family lies, written once."""
    written: dict[str, Path] = {}

    def of(family: str) -> Path:
        if family not in written:
            written[family] = tmp_path_factory.mktemp(family) / family
            write(written[family], family)
        return written[family]

    return of


@pytest.fixture
def named(folder: Callable[[str], Path]) -> Callable[..., TransformersChat]:
    """Load a family's tiny model by name, as users do."""

    def load(family: str = "llava", options: str = "") -> TransformersChat:
        model = load_chat_model(f"transformers:{folder(family)}?device=cpu&{options}")
        assert isinstance(model, TransformersChat)
        return model

    return load


@pytest.fixture
def llava(named: Callable[..., TransformersChat]) -> TransformersChat:
    return named()
