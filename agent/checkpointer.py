"""What a checkpoint may hold, under which names, and the saver that `langgraph.json` names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from geofix.agent.answer import Calibration, Claim, ClaimCheck, Evidence, Place
from geofix.agent.recording import in_thread
from geofix.agent.services import Services
from geofix.agent.state import (
    Candidate,
    Clue,
    Draft,
    Fix,
    Hit,
    Provenance,
    Query,
    Region,
    Retrieval,
    SceneSeen,
    SearchReport,
    Spending,
    Spot,
    State,
    Verdict,
)
from geofix.db.checkpoints import strict_serializer

PERSISTED = (
    Calibration,
    Candidate,
    Claim,
    ClaimCheck,
    Clue,
    Draft,
    Evidence,
    Fix,
    Hit,
    Place,
    Provenance,
    Query,
    Region,
    Retrieval,
    SceneSeen,
    SearchReport,
    Spending,
    Spot,
    State,
    Verdict,
)
"""All a checkpoint may revive: LangGraph revives no other class (DESIGN.md section 3)."""

MOVED: Mapping[tuple[str, str], type] = MappingProxyType(
    {
        ("geofix.agent.scene_seen", "SceneSeen"): SceneSeen,
        ("geofix.agent.spending", "Spending"): Spending,
    }
)
"""Persisted classes by the module and name they had in older checkpoints. Those that only stand
inside another are kept as a part of it, without a name. A class that moves again gets a new row."""


def serializer() -> JsonPlusSerializer:
    """Return what writes and reads checkpoints, those of earlier versions too."""
    return strict_serializer(PERSISTED, MOVED)


@asynccontextmanager
async def checkpointer() -> AsyncIterator[AsyncPostgresSaver]:
    """Open the saver for as long as the server runs; the database is set up if it is ours."""
    with Services() as services:
        await in_thread(services.open_for_runs)
        async with services.async_checkpoint_pool() as pool:
            yield AsyncPostgresSaver(pool, serde=serializer())
