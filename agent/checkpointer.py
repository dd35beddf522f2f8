"""The types that checkpoints may hold, and the names they had before."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from geofix.agent.answer import Calibration, Claim, ClaimCheck, Evidence, KnownPhoto, Place, Reason
from geofix.agent.context import Context
from geofix.agent.draft.provenance import Clue, DraftsSaid, Provenance, Spending
from geofix.agent.fix import Fix, Usage
from geofix.agent.run.search_report import SearchReport
from geofix.agent.state import (
    Answered,
    Asked,
    Candidate,
    Draft,
    GivenRegion,
    Hint,
    Hit,
    Query,
    Region,
    Retrieval,
    SceneSeen,
    Settled,
    Spot,
    State,
    Verdict,
)
from geofix.db.checkpoints import strict_serializer

PERSISTED = (
    Answered,
    Asked,
    Calibration,
    Candidate,
    Claim,
    ClaimCheck,
    Clue,
    Context,
    Draft,
    Evidence,
    Fix,
    GivenRegion,
    Hint,
    Hit,
    KnownPhoto,
    Place,
    Provenance,
    Query,
    Reason,
    Region,
    Retrieval,
    SceneSeen,
    SearchReport,
    Settled,
    DraftsSaid,
    Spending,
    Spot,
    State,
    Usage,
    Verdict,
)
"""All classes that a checkpoint may contain; LangGraph loads no others (DESIGN.md section 3)."""

MOVED: Mapping[tuple[str, str], type] = MappingProxyType(
    {
        ("geofix.agent.scene_seen", "SceneSeen"): SceneSeen,
        ("geofix.agent.spending", "Spending"): Spending,
        ("geofix.agent.state", "Fix"): Settled,
        ("geofix.agent.state", "Provenance"): Provenance,
        ("geofix.agent.state", "Spending"): Spending,
    }
)
"""Persisted classes by the module and name that they had in older checkpoints. Classes that occur
only inside another are stored without a name. A class that moves again gets a new row."""


def serializer(*also: type) -> JsonPlusSerializer:
    """Return the serializer of checkpoints, which also reads those of earlier versions.

    Args:
        also: Classes of a host's own state that its checkpoints hold beside ours.
    """
    return strict_serializer((*PERSISTED, *also), MOVED)
