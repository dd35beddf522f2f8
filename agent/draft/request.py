"""The requests of a round: one for each list of the preset, or the one the scene asks for.

Jia et al. (G3, 2024) found no neighbours best for landmarks, 5 for distinctive regions and 10 for
scenes of low information. Which of them a photo is they left to people; here the search's own
sharpness stands in for it. The bounds are hand-set and were not measured with any model.
"""

from __future__ import annotations

from dataclasses import dataclass

from langchain_core.messages import BaseMessage

from geofix.agent.context import Context
from geofix.agent.draft.lists import Shown, shortlist, shown
from geofix.agent.draft.messages import draft_messages, exemplars, photo, side_px
from geofix.agent.draft.presets import PRESETS
from geofix.agent.draft.provenance import ShownPicture
from geofix.agent.services import Services
from geofix.agent.state import Retrieval, State
from geofix.tools.geo.distance import haversine_km
from geofix.tools.statistics.clusters import DEFAULT_TEMPERATURE, vote_weights

LANDMARK, REGION, LOW_INFORMATION = 0, 5, 10
"""Neighbours shown, by kind of scene."""

RARE = 0.01
"""Where at most this share of unrelated photos match so well, both photos show the same thing."""

TELLING = 0.10
"""Where at most this share does, the match tells something about the region."""

MAJORITY = 0.5
"""Share of the votes that must lie at the leading place, or within `REGION_KM` of it."""

REGION_KM = 750.0
"""The scale of countries."""


@dataclass(frozen=True, slots=True)
class Route:
    """How many neighbours the model is shown, and why."""

    neighbours: int
    """Length of either list."""
    reason: str


def route_of(retrieval: Retrieval) -> Route:
    """Return the route by how rare the best likeness is and how the votes are spread."""
    if not retrieval.positives or retrieval.impostor_share is None:
        return Route(LOW_INFORMATION, "it is not known how rare the best similarity is")
    temperature = retrieval.temperature or DEFAULT_TEMPERATURE
    first = shortlist(retrieval.positives, temperature)[0]
    weights = vote_weights([hit.similarity for hit in retrieval.positives], temperature)
    apart_km = haversine_km(
        [hit.latitude for hit in retrieval.positives],
        [hit.longitude for hit in retrieval.positives],
        first.latitude,
        first.longitude,
    )
    around = float(weights[apart_km <= REGION_KM].sum())
    rarity = f"{retrieval.impostor_share:.1%} of unrelated photos match this well"
    region = f"{rarity}, and {around:.0%} of the votes lie within {REGION_KM:g} km"
    if retrieval.impostor_share <= RARE and first.share >= MAJORITY:
        return Route(LANDMARK, f"{rarity}, and {first.share:.0%} of the votes are for one place")
    if retrieval.impostor_share <= TELLING and around >= MAJORITY:
        return Route(REGION, region)
    return Route(LOW_INFORMATION, region)


@dataclass(frozen=True, slots=True)
class DraftRequest:
    """One question to the model."""

    shown: Shown
    messages: list[BaseMessage]
    pictures: list[ShownPicture]
    """Gallery photos among the messages."""


@dataclass(frozen=True, slots=True)
class Requests:
    """All questions of a round."""

    all: list[DraftRequest]
    route: str | None
    """Why so many neighbours are shown, where the search decided."""
    missing: list[str]
    """Pictures that were asked for and are not there, a sentence each."""


def requests_of(state: State, context: Context, services: Services) -> Requests:
    """Return what the model is asked in this round."""
    preset = PRESETS[context.preset]
    route = route_of(state.retrieval) if context.route == "retrieval" else None
    side = side_px(context, services)
    jpeg = photo(state.sha256, side, services)
    hints = [hint.words for hint in state.hints]
    requests: list[DraftRequest] = []
    missing: list[str] = []
    for neighbours in preset.neighbours if route is None else (route.neighbours,):
        lists = shown(state.retrieval, state.region or state.within, neighbours)
        found, without = exemplars(lists, context.exemplars, side, services)
        missing += without
        messages = draft_messages(preset, jpeg, lists, found, hints)
        requests.append(
            DraftRequest(lists, messages, [_picture(lists, number) for number in found])
        )
    return Requests(requests, None if route is None else route.reason, missing)


def _picture(lists: Shown, number: int) -> ShownPicture:
    best = lists.candidates[number - 1].best
    return ShownPicture(
        candidate=number,
        gallery=best.gallery,
        source=best.source,
        external_id=best.external_id,
    )
