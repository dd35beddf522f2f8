"""Every class a checkpoint may hold: LangGraph revives no other (DESIGN.md section 3)."""

from __future__ import annotations

from geofix.agent.answer import Calibration, Claim, ClaimCheck, Evidence, Place
from geofix.agent.provenance import Provenance
from geofix.agent.scene_seen import SceneSeen
from geofix.agent.search_report import SearchReport
from geofix.agent.spending import Spending
from geofix.agent.spot import Spot
from geofix.agent.state import (
    Candidate,
    Clue,
    Draft,
    Fix,
    Hit,
    Query,
    Region,
    Retrieval,
    State,
    Verdict,
)

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
"""All a checkpoint may revive."""
