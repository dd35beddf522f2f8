"""The draft node with a scripted model, and without a database."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from PIL import Image

from geofix.agent.context import Context
from geofix.agent.nodes.draft import draft
from geofix.agent.run.recording import Outcome
from geofix.agent.services import Services
from geofix.agent.state import Draft, Hit, State
from geofix.tools.models.privacy import ANYWHERE
from geofix.tools.photo.read import to_jpeg
from tests.fakes import ScriptedChat
from tests.unit.agent.answers import ANSWER
from tests.unit.agent.hits import BERLIN, PARIS, SUVA, hit, retrieval

POSITIVES = [hit(PARIS, 0.9), hit(PARIS, 0.8), hit(BERLIN, 0.3)]
PHOTO = to_jpeg(Image.new("RGB", (2048, 1024), (200, 100, 50)))


class Tempered(ScriptedChat):
    """Takes a temperature, as the clients of real models do."""

    temperature: float | None = None


def wired(model: BaseChatModel | None, name: str = "scripted:one") -> Services:
    """What the node asks of the services."""
    kept = SimpleNamespace(find=lambda sha256: SimpleNamespace(jpeg=PHOTO))
    pictures = SimpleNamespace(find=lambda photo_ids: {})
    drafted_by = "consensus" if model is None else name
    return cast(
        Services,
        SimpleNamespace(
            model=model,
            drafted_by=drafted_by,
            queries=kept,
            pictures=pictures,
            price=None,
            privacy=ANYWHERE,
        ),
    )


def state(positives: list[Hit] = POSITIVES, **fields: Any) -> State:
    return State(retrievals=[retrieval(positives, [hit(SUVA, -0.3)])], **fields)


def drafted(outcome: Outcome) -> Draft:
    *_, only = outcome.update["drafts"]
    assert isinstance(only, Draft)
    return only


def scripted(*answers: Any) -> Tempered:
    said = [json.dumps({**ANSWER, **a}) if isinstance(a, dict) else a for a in answers]
    return Tempered(answers=said)


def by_model(
    *answers: Any, context: Context | None = None, **fields: Any
) -> tuple[Draft, Outcome, Tempered]:
    model = scripted(*answers)
    outcome = draft(state(**fields), context or Context(), wired(model))
    return drafted(outcome), outcome, model
