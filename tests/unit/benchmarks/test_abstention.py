"""The table of what abstaining costs, on photos whose answers are known."""

from __future__ import annotations

from benchmarks.page.abstention import Asked, Chosen, section
from geofix.evaluation.calibrate.cases import Case
from tests.unit.agent.choosing import chosen
from tests.unit.agent.hits import BERLIN, PARIS, hit, retrieval


def asked(truth: tuple[float, float], impostor_share: float) -> Chosen:
    """Return a photo whose first candidate is Paris: alike as few are, or as any is."""
    hits = [hit(PARIS, 0.8, impostor_share=impostor_share), hit(BERLIN, 0.4)]
    found = retrieval(hits)
    latitude, longitude = truth
    case = Case(photo="a", latitude=latitude, longitude=longitude, group="g", retrieval=found)
    return Chosen(case, chosen(hits), found)


def test_each_photo_is_counted_under_what_became_of_it() -> None:
    there = [asked(PARIS, 0.01), asked(PARIS, 0.8), asked(BERLIN, 0.8), asked(BERLIN, 0.01)]
    away = [asked(BERLIN, 0.8), asked(BERLIN, 0.01)]
    lines = section([Asked("made", there, away)], "2026-11-30")
    assert "| made | unlike_gallery | 1 | 1 | 1 |" in lines
    assert "| made | of these votes_scattered | 1 | 1 | 1 |" in lines
    assert "| made | of all | 2 | 2 | 2 |" in lines
    # Half of the right ones are withheld, half of the others rejected, half of the answers wrong.
    assert "| as it ships | 50.0 / 50.0 / 50.0 |" in lines
    assert "| `impostor_share` 1 | 0.0 / 0.0 / 50.0 |" in lines
    assert "| 0.5 and more | 4, 2, 2 |" in lines
    assert lines[-2] == "| geofix | 50.0 at 50 % |"
