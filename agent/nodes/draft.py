"""draft: a multimodal model sees the photo and both lists; without one, the photos vote."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel

from geofix.agent import prompts
from geofix.agent.consensus import CONSENSUS, consensus
from geofix.agent.context import Context
from geofix.agent.outcome import Outcome
from geofix.agent.services import Services
from geofix.agent.state import Clue, Draft, Hit, Retrieval, State
from geofix.tools.asking import ask
from geofix.tools.geo import haversine_km
from geofix.tools.images import from_jpeg, to_jpeg

MODEL_SIDE_PX = 1024
"""Longer side of the photo as the model gets it; vision models tile or scale anything larger."""

SWAP_KM = 200.0
"""Swapped coordinates this close to a similar photo are taken for a slip, and noted."""


def draft(state: State, context: Context, services: Services) -> Outcome:
    """Draft by the configured model; where a call to it fails, by consensus, and say so.

    Raises:
        ModelError: The model cannot be set up: what was asked for cannot be had, and another
            answer would pass for it.
    """
    model = services.model
    if model is None:
        return _outcome(consensus(state.retrieval), {})
    if any(earlier.drafted_by == CONSENSUS for earlier in state.drafts):
        # A run waits for a dead server once, not once a round; the answer says so already.
        return _outcome(consensus(state.retrieval), {"not_asked": "the model failed before"})
    return _by_model(model, state, services)


def _by_model(model: BaseChatModel, state: State, services: Services) -> Outcome:
    retrieval = state.retrieval
    messages = prompts.draft_messages(
        _jpeg(state, services),
        retrieval.positives,
        retrieval.negatives,
        state.region or state.within,
        negatives_by=retrieval.negatives_by,
    )
    answer = ask(model, messages, prompts.DraftAnswer)
    detail: dict[str, Any] = {
        "model": services.drafted_by,
        "prompt_version": prompts.VERSION,
        "prompt": prompts.as_sent(messages),
        "answers": list(answer.texts),
        "tokens": answer.tokens,
        "repaired": answer.repaired,
        "cached": answer.cached,
    }
    if answer.parsed is None:
        reason = f"draft: {answer.failure}; the photos voted instead"
        return _outcome(consensus(retrieval), {**detail, "error": answer.failure}, reason)
    return _outcome(_drafted(answer.parsed, retrieval, services.drafted_by), detail)


def _jpeg(state: State, services: Services) -> bytes:
    """Return the photo as the model gets it: small enough, and nothing but pixels."""
    pixels = from_jpeg(services.queries.find(state.sha256).jpeg)
    pixels.thumbnail((MODEL_SIDE_PX, MODEL_SIDE_PX))
    return to_jpeg(pixels)


def _drafted(answer: prompts.DraftAnswer, retrieval: Retrieval, drafted_by: str) -> Draft:
    latitude, longitude, notes = _usable(answer, retrieval.positives)
    return Draft(
        round=retrieval.round,
        drafted_by=drafted_by,
        latitude=latitude,
        longitude=longitude,
        confidence=None if latitude is None else answer.confidence,
        clues=[Clue(**clue.model_dump()) for clue in answer.clues],
        hypotheses=list(answer.hypotheses),
        notes=notes,
    )


def _usable(
    answer: prompts.DraftAnswer, positives: list[Hit]
) -> tuple[float | None, float | None, list[str]]:
    """Return the coordinates if they are some, and what is odd about them."""
    latitude, longitude = answer.latitude, answer.longitude
    if not answer.can_tell:
        return None, None, ["the model says it cannot tell"]
    if latitude is None or longitude is None:
        return None, None, ["the model gave no coordinates"]
    if latitude == 0 and longitude == 0:
        return None, None, ["the model answered (0, 0): taken for no answer"]
    notes = _swapped(latitude, longitude, positives)
    if not _on_earth(latitude, longitude):
        odd = f"the model's ({latitude!r}, {longitude!r}) is not on the Earth"
        return None, None, [odd, *notes]
    return latitude, longitude, notes


def _swapped(latitude: float, longitude: float, positives: list[Hit]) -> list[str]:
    """Say where coordinates make sense only the other way round; they are never turned here."""
    if not _on_earth(longitude, latitude):
        return []
    if _on_earth(latitude, longitude) and not (
        _near_any(longitude, latitude, positives) and not _near_any(latitude, longitude, positives)
    ):
        return []
    return ["the model seems to have swapped latitude and longitude"]


def _on_earth(latitude: float, longitude: float) -> bool:
    return -90 <= latitude <= 90 and -180 <= longitude <= 180


def _near_any(latitude: float, longitude: float, hits: list[Hit]) -> bool:
    return any(
        haversine_km(latitude, longitude, hit.latitude, hit.longitude) <= SWAP_KM for hit in hits
    )


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
