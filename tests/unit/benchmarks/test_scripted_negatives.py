"""The scripted models of docs/negatives.md do as their names say."""

from __future__ import annotations

import pytest

from benchmarks import negatives
from geofix.agent.draft.lists import Shown
from geofix.agent.draft.paper_prompts import img2loc
from tests.unit.agent.hits import hit

PARIS, ROME, SYDNEY = (48.85, 2.35), (41.9, 12.5), (-33.87, 151.2)


def prompt(*against: tuple[float, float]) -> str:
    positives = [hit(PARIS, 0.9), hit(ROME, 0.8)]
    return img2loc(Shown(positives=positives, negatives=[hit(place, 0.1) for place in against]))


def test_the_lists_of_the_prompt_are_read() -> None:
    assert negatives.listed(prompt()) == ([PARIS, ROME], [])
    assert negatives.listed(prompt(SYDNEY, ROME)) == ([PARIS, ROME], [SYDNEY, ROME])


def test_steady_and_obedient_take_the_first_place_that_they_may() -> None:
    assert negatives.steady(prompt(PARIS)) == PARIS
    assert negatives.obedient(prompt()) == negatives.obedient(prompt(SYDNEY)) == PARIS
    assert negatives.obedient(prompt((48.9, 2.4))) == ROME
    assert negatives.obedient(prompt(PARIS, ROME)) == PARIS


def test_distracted_is_so_by_as_many_negatives_as_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert negatives.distracted(prompt()) == PARIS
    monkeypatch.setattr(negatives, "DISTRACTED", 1.0)
    assert negatives.distracted(prompt(ROME, SYDNEY)) == SYDNEY
