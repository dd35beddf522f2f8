"""Every class a checkpoint may hold: LangGraph revives no other (DESIGN.md section 3)."""

from __future__ import annotations

from geofix.agent.provenance import Provenance
from geofix.agent.search_report import SearchReport
from geofix.agent.spending import Spending
from geofix.agent.state import (
    Candidate,
    Claim,
    Clue,
    Draft,
    Evidence,
    Fix,
    Hit,
    Place,
    Query,
    Region,
    Retrieval,
    State,
    Verdict,
)

PERSISTED = (
    Candidate,
    Claim,
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
    SearchReport,
    Spending,
    State,
    Verdict,
)
"""All a checkpoint may revive."""
