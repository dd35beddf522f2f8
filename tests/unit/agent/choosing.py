"""Candidates as they are chosen among photos and drafts, short to write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geofix.agent.state import Candidate, Draft, Hit
from geofix.agent.verify.choose import choose
from geofix.agent.verify.observed import Observed
from geofix.agent.verify.scorers import HAND_SET, Scorers
from tests.unit.agent.hits import retrieval


def chosen(
    positives: list[Hit],
    drafts: Sequence[Draft] | None = None,
    negatives: list[Hit] | None = None,
    *,
    scorers: Scorers = HAND_SET,
    **known: Any,
) -> list[Candidate]:
    found = retrieval(positives, negatives).model_copy(update={"temperature": 0.05})
    observed = Observed(retrieval=found, drafts=drafts or [], **known)
    return choose(observed, region=None, within=(), region_share=1.0, scorers=scorers)


def drafted(place: tuple[float, float], confidence: float | None = 1.0) -> Draft:
    return Draft(
        round=0,
        drafted_by="test:model",
        latitude=place[0],
        longitude=place[1],
        confidence=confidence,
    )
