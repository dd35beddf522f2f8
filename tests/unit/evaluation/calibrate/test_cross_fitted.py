"""Nothing chooses a photo that was fitted on a photo of its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from geofix.agent.verify.scorers import HAND_SET, Scorers
from geofix.evaluation.calibrate import standings as crossed
from geofix.evaluation.calibrate.cases import observed_of
from geofix.evaluation.calibrate.examples import Seen
from tests.unit.evaluation.run.test_cases import case


def some(photos: int, places: int) -> list[Seen]:
    cases = [
        case(f"photo {at}").model_copy(update={"group": f"place {at % places}"})
        for at in range(photos)
    ]
    return [Seen(one, observed_of(one), []) for one in cases]


def test_each_place_is_chosen_once_by_what_was_fitted_on_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learned: list[set[str]] = []

    def fitted_on(rest: Sequence[Seen]) -> Scorers:
        learned.append({one.case.group for one in rest})
        name = str(len(learned) - 1)
        return HAND_SET.model_copy(
            update={"place": HAND_SET.place.model_copy(update={"name": name})}
        )

    def choices(observed: Any, scorers: Scorers) -> list[Any]:
        return [scorers.place.name]

    monkeypatch.setattr(crossed, "fitted_on", fitted_on)
    monkeypatch.setattr(crossed, "choices", choices)
    photos = some(60, 12)
    chosen = crossed.cross_fitted(photos)
    assert [one.case.photo for one in chosen] == [one.case.photo for one in photos]
    assert len(learned) == crossed.FOLDS
    for one in chosen:
        by = learned[int(str(one.candidates[0]))]
        assert one.case.group not in by
        assert 8 <= len(by) <= 10


def test_spots_too_few_to_learn_from_are_left_to_what_ships(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crossed, "fit_place", lambda *args, **more: Scorers(place=HAND_SET.place))
    fitted = crossed.fitted_on(some(3, 3))
    assert fitted.spot is None and fitted.of_spots == HAND_SET.of_spots
