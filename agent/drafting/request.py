"""The requests of a round: one for each list of the preset, or the one the scene asks for."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_core.messages import BaseMessage

from geofix.agent.context import Context
from geofix.agent.drafting import pictures
from geofix.agent.drafting.routing import route_of
from geofix.agent.prompts import PRESETS, Shown, draft_messages, shown
from geofix.agent.services import Services
from geofix.agent.state import State


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the model."""

    shown: Shown
    messages: list[BaseMessage]


@dataclass(frozen=True, slots=True)
class Requests:
    """All questions of a round."""

    all: list[Request]
    route: str | None
    """Why so many neighbours are shown, where the search decided."""
    missing: list[str]
    """Pictures that were asked for and are not there, a sentence each."""


def requests_of(state: State, context: Context, services: Services) -> Requests:
    """Return what the model is asked in this round."""
    preset = PRESETS[context.preset]
    route = route_of(state.retrieval) if context.route == "retrieval" else None
    side = pictures.side_px(context, services)
    jpeg = pictures.photo(state.sha256, side, services)
    requests: list[Request] = []
    missing: list[str] = []
    for neighbours in preset.neighbours if route is None else (route.neighbours,):
        lists = shown(state.retrieval, state.region or state.within, neighbours)
        found, without = pictures.exemplars(lists, context.exemplars, side, services)
        missing += without
        requests.append(Request(lists, draft_messages(preset, jpeg, lists, found)))
    return Requests(requests, None if route is None else route.reason, missing)
