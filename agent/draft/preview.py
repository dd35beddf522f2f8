"""What a model would be sent about a photo, without asking one: for reading and for comparing.

The photo is embedded and the gallery searched as in the first round of a run, by the run's own
nodes; the requests are made by what makes them there. No run is opened and no model is called or
set up. The same photo, gallery and options give the same text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage
from PIL import Image

from geofix.agent.context import Context, checked_context
from geofix.agent.draft.ask import sampling
from geofix.agent.draft.messages import side_px
from geofix.agent.draft.presets import PRESETS, VERSION
from geofix.agent.draft.request import requests_of
from geofix.agent.errors import OptionError
from geofix.agent.nodes.embed import embedded
from geofix.agent.nodes.retrieve import retrieve
from geofix.agent.regions import parse_region
from geofix.agent.run.intake import read_in
from geofix.agent.services import Services
from geofix.agent.state import REFERENCE, Asked, Region, State
from geofix.tools.models.privacy import require_bare
from geofix.tools.models.send import json_schema
from geofix.tools.photo.read import Photo

OWN_TEMPERATURE = "as the model is set up (0, and a hosted service's own)"
"""Where neither preset nor run has one; see `load_chat_model`."""


@dataclass(frozen=True, slots=True)
class SentPicture:
    """A picture of a request."""

    format: str
    width: int
    height: int
    bytes: int
    """Of the JPEG; it has no metadata, which is checked."""
    sha256: str


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message of a request."""

    role: str
    """`system` or `user`."""
    content: list[str | SentPicture]
    """Words and pictures in their order."""


@dataclass(frozen=True, slots=True)
class Preview:
    """All requests of the first round."""

    method: str
    """With what was changed of it: `img2loc, positives=5`."""
    preset: str
    prompt_version: str
    requests: list[list[SentMessage]]
    schema: dict[str, Any] | None
    """What an answer must fit, for the client to turn into its provider's form; None where none is
    sent because the question asks for another form."""
    samples: int
    """Answers to each request."""
    temperature: float | None
    """None where the model is asked as it is set up: at 0, or as a hosted service chooses."""
    answer_tokens: int
    """Most tokens of one answer."""
    picture_px: int
    """Longer side of the pictures, at most."""
    route: str | None
    """Why so many neighbours are shown, where the search decides."""
    missing: list[str]
    """Pictures that were asked for and are not there, a sentence each."""

    def as_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)

    def as_text(self) -> str:
        """Return it for people, one request after the other."""
        at = OWN_TEMPERATURE if self.temperature is None else f"{self.temperature:g}"
        terms = (
            f"answers: {self.samples} to each request; temperature: {at}; an answer has at most"
            f" {self.answer_tokens:,} tokens; pictures have at most {self.picture_px} px"
        )
        named = f"method {self.method}; preset {self.preset}; prompt version {self.prompt_version}"
        parts = [f"{named}\n{terms}"]
        parts += [f"note: {note}" for note in (self.route, *self.missing) if note]
        for number, messages in enumerate(self.requests, start=1):
            parts.append(f"===== request {number} of {len(self.requests)}")
            for message in messages:
                said = [one if isinstance(one, str) else _line(one) for one in message.content]
                parts.append("\n\n".join([f"--- {message.role}", *said]))
        form = (
            "none is sent: the question says in which form to answer"
            if self.schema is None
            else json.dumps(self.schema, indent=2)
        )
        parts.append(f"===== schema of the answer\n{form}")
        return "\n\n".join(parts)


def preview(
    services: Services,
    photo: Path | str | bytes | Photo,
    within: str | Region | None,
    options: Mapping[str, Any],
) -> Preview:
    """Return what a model would be sent in the first round of a run.

    Args:
        services: To encoder and gallery; its model is neither called nor set up.
        photo: A path, the bytes of a file, or a photo that was read already.
        within: Where the answer has to lie.
        options: Fields of `Context`.

    Raises:
        GeofixError: The photo, the region, an option or the gallery is unusable.
    """
    context = checked_context(options)
    if context.preset == "none":
        raise OptionError(
            f"nothing would be sent: the method {context.method!r} asks no model (preset='none');"
            " choose another method or preset"
        )
    region = parse_region(within) if isinstance(within, str) else within
    kept = read_in(photo)
    services.queries.keep(kept)
    state = State(asked=Asked(photo=REFERENCE + kept.sha256, within=region, context=context))
    for node in (embedded, retrieve):
        state = state.model_copy(update=node(state, context, services).update)
    return previewed(state, context, services)


def previewed(state: State, context: Context, services: Services) -> Preview:
    """Return what a model would be sent, from what a run knows after its search."""
    preset = PRESETS[context.preset]
    requests = requests_of(state, context, services)
    samples, temperature = sampling(context)
    for request in requests.all:
        require_bare(request.messages)
    return Preview(
        method=context.told(),
        preset=context.preset,
        prompt_version=VERSION,
        requests=[[_sent(message) for message in request.messages] for request in requests.all],
        schema=None if preset.free_form else json_schema(preset.schema),
        samples=samples,
        temperature=temperature,
        answer_tokens=preset.answer_tokens,
        picture_px=side_px(context, services),
        route=requests.route,
        missing=requests.missing,
    )


ROLES = {"human": "user"}
"""Roles as servers call them, where LangChain does otherwise."""


def _sent(message: BaseMessage) -> SentMessage:
    role = ROLES.get(message.type, message.type)
    if isinstance(message.content, str):
        return SentMessage(role, [message.content])
    return SentMessage(role, [_block(block) for block in message.content])


def _block(block: str | dict[Any, Any]) -> str | SentPicture:
    if isinstance(block, str):
        return block
    if "base64" not in block:
        return str(block["text"])
    data = base64.b64decode(block["base64"])
    picture = Image.open(BytesIO(data))
    return SentPicture(
        format=str(picture.format),
        width=picture.width,
        height=picture.height,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _line(picture: SentPicture) -> str:
    return (
        f"[picture: {picture.format}, {picture.width} x {picture.height} px, {picture.bytes:,}"
        f" bytes, no metadata, sha256 {picture.sha256[:16]}]"
    )
