"""An agent whose model lives on loopback, and what that model says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from geofix import Agent
from geofix.agent.state import Settled
from geofix.db.runs import Step
from geofix.tools.geo.distance import haversine_km
from geofix.tools.photo.samples import sample_path
from tests.integration.explained import explained
from tests.loopback import (
    ChatServer,
    Protocol,
    anthropic_answer,
    google_answer,
    ollama_answer,
    openai_answer,
)

SACRE_COEUR = (48.8867, 2.3431)
DOME = (48.8861, 2.3429)
"""As a model may place it by itself, not in the gallery's digits."""

KEY = "sk-very-secret-0123456789"
TIMEOUT_S = 0.3

PROTOCOLS: dict[str, tuple[Protocol, str]] = {
    "openai": (openai_answer, "/v1"),
    "ollama": (ollama_answer, ""),
    "anthropic": (anthropic_answer, ""),
    "google": (google_answer, ""),
}


def said(**changes: Any) -> str:
    answer = {
        "clues": [{"kind": "landmark", "observation": "a white dome on a hill"}],
        "hypotheses": ["Paris: Sacre-Coeur", "Rome: no such dome"],
        "agrees_with_candidate": None,
        "latitude": DOME[0],
        "longitude": DOME[1],
        "confidence": 0.9,
    }
    return json.dumps({**answer, **changes})


UNPLACED: dict[str, None] = {"latitude": None, "longitude": None}
"""What a model changes in its answer that has no place."""


class Lab:
    """An agent whose model lives on loopback."""

    def __init__(self, agent: Agent, server: ChatServer) -> None:
        self.agent = agent
        self.server = server

    def locate(self, photo: Path | None = None, **options: Any) -> tuple[Settled, Step]:
        """Return the answer and the first draft's step."""
        fix = explained(self.agent, photo or sample_path(), **options)
        return fix, self.drafts(fix)[0]

    def drafts(self, fix: Settled) -> list[Step]:
        assert fix.run is not None
        steps = self.agent.services.trail.read(fix.run).steps
        return [step for step in steps if step.node == "draft"]


def is_in_paris(fix: Settled) -> bool:
    assert fix.latitude is not None and fix.longitude is not None
    return bool(haversine_km(fix.latitude, fix.longitude, *SACRE_COEUR) < 1)
