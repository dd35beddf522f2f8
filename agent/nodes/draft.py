"""draft: a multimodal model sees the photo and both lists; without one, the photos vote."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel

from geofix.agent import prompts
from geofix.agent.context import Context
from geofix.agent.errors import ModelError
from geofix.agent.outcome import Outcome
from geofix.agent.services import Services
from geofix.agent.state import Clue, Draft, Retrieval, State
from geofix.tools.chat import ask
from geofix.tools.density import DEFAULT_TEMPERATURE, density_mode, vote_weights
from geofix.tools.images import from_jpeg, to_jpeg

MODEL_SIDE_PX = 1024
"""Longer side of the photo as the model gets it; vision models tile or scale anything larger."""

BANDWIDTH_KM = 25.0
"""Of the consensus; right at city scale, where most votes are decided."""


def draft(state: State, context: Context, services: Services) -> Outcome:
    """Draft by the configured model; where it fails, by consensus, and say so."""
    if services.drafted_by == "consensus":
        return _outcome(_consensus(state.retrieval), {})
    try:
        model = services.model
        assert model is not None
        drafted, detail = _by_model(model, state, services)
    except ModelError as error:
        reason = f"draft: {error}; the photos voted instead"
        return _outcome(_consensus(state.retrieval), {"error": str(error)}, reason)
    return _outcome(drafted, detail)


def _consensus(retrieval: Retrieval) -> Draft:
    hits = retrieval.positives
    drafted = Draft(round=retrieval.round, drafted_by="consensus", latitude=None, longitude=None)
    if not hits:
        return drafted.model_copy(update={"notes": ["no photo to vote"]})
    weights = vote_weights(
        [hit.similarity for hit in hits], retrieval.temperature or DEFAULT_TEMPERATURE
    )
    mode = density_mode(
        [hit.latitude for hit in hits],
        [hit.longitude for hit in hits],
        weights,
        bandwidth_km=BANDWIDTH_KM,
    )
    return drafted.model_copy(
        update={
            "latitude": mode.latitude,
            "longitude": mode.longitude,
            "confidence": min(1.0, mode.share),
        }
    )


def _by_model(
    model: BaseChatModel, state: State, services: Services
) -> tuple[Draft, dict[str, Any]]:
    retrieval = state.retrieval
    pixels = from_jpeg(services.queries.find(state.sha256).jpeg)
    pixels.thumbnail((MODEL_SIDE_PX, MODEL_SIDE_PX))
    jpeg = to_jpeg(pixels)
    messages = prompts.draft_messages(
        jpeg, retrieval.positives, retrieval.negatives, state.region or state.within
    )
    answer = ask(model, messages, prompts.DraftAnswer)
    latitude, longitude, notes = _usable(answer.parsed)
    drafted = Draft(
        round=state.round,
        drafted_by=services.drafted_by,
        latitude=latitude,
        longitude=longitude,
        confidence=answer.parsed.confidence,
        clues=[Clue(**clue.model_dump()) for clue in answer.parsed.clues],
        hypotheses=answer.parsed.hypotheses,
        notes=notes,
    )
    return drafted, {
        "prompt_version": prompts.VERSION,
        "system": prompts.SYSTEM,
        "prompt": prompts.lists_text(
            retrieval.positives, retrieval.negatives, state.region or state.within
        ),
        "photo_bytes": len(jpeg),
        "answer": answer.text,
        "tokens": answer.tokens,
        "repaired": answer.repaired,
    }


def _usable(answer: prompts.DraftAnswer) -> tuple[float | None, float | None, list[str]]:
    """Return the coordinates if they are some, and why not."""
    latitude, longitude = answer.latitude, answer.longitude
    if not answer.can_tell or latitude is None or longitude is None:
        return None, None, ["the model says it cannot tell"]
    if latitude == 0 and longitude == 0:
        return None, None, ["the model answered (0, 0): taken for no answer"]
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None, None, [f"the model's ({latitude!r}, {longitude!r}) is not on the Earth"]
    return latitude, longitude, []


def _outcome(drafted: Draft, detail: dict[str, Any], degraded: str | None = None) -> Outcome:
    where = (
        "cannot tell"
        if drafted.latitude is None
        else f"{drafted.latitude:.4f}, {drafted.longitude:.4f}"
    )
    word = "" if drafted.confidence is None else f" (confidence {drafted.confidence:.2f})"
    return Outcome(
        update={"drafts": [drafted]},
        summary=f"{drafted.drafted_by}: {where}{word}",
        detail={**drafted.model_dump(mode="json"), **detail},
        degraded=() if degraded is None else (degraded,),
    )
