"""What a model answers in tests, and what it is shown."""

from __future__ import annotations

from typing import Any

from geofix.agent.draft.lists import Shown, shown
from geofix.agent.state import Hit, Region
from tests.unit.agent.hits import BERLIN, PARIS, SUVA, hit, retrieval

ANSWER: dict[str, Any] = {
    "clues": [{"kind": "landmark", "observation": "a white dome"}],
    "hypotheses": ["Paris: the dome", "Lyon: no such dome"],
    "agrees_with_candidate": None,
    "latitude": 48.8861,
    "longitude": 2.3429,
    "confidence": 0.9,
}

NOTRE_DAME = (48.85296, 2.34989)


def placed(place: tuple[float, float], name: str | None, similarity: float) -> Hit:
    return hit(place, similarity).model_copy(update={"place": name})


POSITIVES = [
    placed(BERLIN, None, 0.52),
    placed(PARIS, "Paris, France", 0.91),
    placed(NOTRE_DAME, "Paris, France", 0.61),
]
NEGATIVES = [placed(SUVA, "Suva, Fiji", -0.31)]


def lists(
    positives: list[Hit] = POSITIVES,
    negatives: list[Hit] = NEGATIVES,
    region: Region | None = None,
    **changes: Any,
) -> Shown:
    """Return what a model is shown of a search."""
    neighbours = changes.pop("neighbours", None)
    found = retrieval(positives, negatives).model_copy(update=changes)
    return shown(found, region, neighbours)
