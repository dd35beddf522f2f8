"""Which scorer a data set is asked with, and what of it a calibration stores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from geofix.agent.calibration.promise import Fitted
from geofix.agent.settings import Settings
from geofix.agent.state import Draft
from geofix.agent.verify.scorers import (
    HAND_SET,
    Scorers,
    default_scorers,
    scorers_digest,
    scorers_of,
)
from geofix.evaluation.calibrate import calibrating
from geofix.evaluation.calibrate.calibrating import Calibrated, Wanted, calibrate
from geofix.evaluation.run.result import EvalPhoto, Result
from geofix.tools.sources.picture_files import MemoryPicture
from tests.unit.evaluation.calibrate.test_scorer_tried import results

EARLIER = Scorers(place=HAND_SET.place.model_copy(update={"name": "of an earlier calibration"}))


@dataclass
class Asked:
    """Stands in for the agent: who chose in each evaluation, and what was stored."""

    told_by: str | None
    stored: list[Fitted] = field(default_factory=list)
    chosen_by: list[Scorers] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.services = SimpleNamespace(
            encoder=SimpleNamespace(name="made"),
            drafted_by="consensus",
            change_scorers=lambda scorers: scorers,
            settings=Settings(),
            calibrations=SimpleNamespace(save=self._save),
        )

    def _save(self, encoder: str, galleries: Any, drafted_by: str, document: Any) -> int:
        self.stored.append(Fitted.model_validate(document))
        return len(self.stored)

    def evaluate(self, *args: Any, **options: Any) -> str:
        # As `Services.scorers` has it, an earlier calibration being in force.
        self.chosen_by.append(self.services.change_scorers(EARLIER))
        return "evaluation"

    def results(self, *args: Any) -> list[Result]:
        return results(600, told_by=self.told_by)


def photo(at: int, sequence: str | None = None) -> EvalPhoto:
    picture = MemoryPicture("m", b"")
    return EvalPhoto(f"photo {at}", picture, 0.0, 0.0, group=f"place {at % 100}", sequence=sequence)


def drafted(by: str) -> list[dict[str, Any]]:
    return [Draft(round=0, drafted_by=by, latitude=None, longitude=None).model_dump()]


def calibrated(
    monkeypatch: pytest.MonkeyPatch,
    told_by: str | None,
    *,
    scorer: bool = True,
    photos: Sequence[EvalPhoto] = (),
    model: str = "consensus",
    **options: Any,
) -> tuple[Asked, Calibrated]:
    asked = Asked(told_by)
    asked.services.drafted_by = model
    dataset = SimpleNamespace(
        name="made",
        photos=photos or [photo(at) for at in range(600)],
        options={},
        galleries=(),
        encoder=None,
        prepare=lambda services: None,
    )

    @contextmanager
    def opened(*args: Any, **options: Any) -> Iterator[Asked]:
        yield asked

    monkeypatch.setattr(calibrating, "open_dataset", lambda name, columns: dataset)
    monkeypatch.setattr(calibrating, "open_agent", opened)
    monkeypatch.setattr(calibrating, "evaluate", asked.evaluate)
    monkeypatch.setattr(calibrating, "results_of", asked.results)
    return asked, calibrate(
        Wanted("made", scorer=scorer, options=options), Settings(), lambda line: None
    )


def test_a_scorer_that_is_kept_chooses_in_a_second_evaluation_and_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, done = calibrated(monkeypatch, "share_25_km")
    assert done.tried.place.scorer is not None
    assert asked.chosen_by == [default_scorers(), done.tried.scorers]
    assert scorers_of(asked.stored[0].scorers) == done.tried.scorers


def test_a_method_that_asks_no_model_is_calibrated_beside_one_and_without_scorers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = results(600, told_by="share_25_km")
    voted = [one.model_copy(update={"drafts": drafted("consensus")}) for one in made]
    monkeypatch.setattr(Asked, "results", lambda self, *args: voted)
    asked, done = calibrated(monkeypatch, None, model="openai:x", method="kde")
    assert (done.left_out, done.tried.scorers) == (0, None)
    assert "weighs no evidence" in done.tried.place.reason
    (stored,) = asked.stored
    assert stored.drafted_by == "consensus" and stored.options["method"] == "kde"


def test_promises_are_fitted_on_no_place_that_the_scorer_was_fitted_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, done = calibrated(monkeypatch, "share_25_km")
    assert len(done.tried.places) > 30
    assert done.asked == 600 - 6 * len(done.tried.places)


def test_photos_for_which_the_model_failed_are_left_out_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = results(600, told_by=None)
    failed = [one.model_copy(update={"drafts": drafted("openai:x")}) for one in made[:50]]
    voted = [one.model_copy(update={"drafts": drafted("consensus")}) for one in made[50:]]
    monkeypatch.setattr(Asked, "results", lambda self, *args: [*failed, *voted])
    asked, done = calibrated(monkeypatch, None, scorer=False)
    assert (done.left_out, done.asked, asked.stored[0].photos) == (50, 550, 550)
    assert asked.stored[0].places == 100
    assert asked.stored[0].chosen_by == scorers_digest(default_scorers())


def test_a_place_is_the_same_in_both_asks_whoever_failed_in_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Places 0 and 50, 1 and 51, ... are linked by a walk, of whose two photos one fails later."""
    walks = [f"walk {at % 50}" if at < 100 and at % 50 < 20 else None for at in range(600)]
    photos = [photo(at, walk) for at, walk in enumerate(walks)]
    made = [
        one.model_copy(update={"sequence": walk, "drafts": drafted("consensus")})
        for one, walk in zip(results(600, told_by="share_25_km"), walks, strict=True)
    ]
    failed = [one.model_copy(update={"drafts": drafted("openai:x")}) for one in made[:20]]
    asks = iter([made, [*failed, *made[20:]]])
    monkeypatch.setattr(Asked, "results", lambda self, *args: next(asks))
    _, done = calibrated(monkeypatch, None, photos=photos)
    assert done.tried.scorers is not None and len(done.tried.places) > 10
    linked = [min(f"place {at % 50}", f"place {at % 50 + 50}") for at in range(600)]
    places = [linked[at] if at % 50 < 20 else f"place {at % 100}" for at in range(600)]
    assert done.asked == sum(place not in done.tried.places for place in places[20:])
    assert done.left_out == 20


def test_only_photos_left_out_of_the_answers_used_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = [
        one.model_copy(update={"drafts": drafted("consensus")})
        for one in results(600, told_by="share_25_km")
    ]
    failed = [one.model_copy(update={"drafts": drafted("openai:x")}) for one in made[:10]]
    asks = iter([[*failed, *made[10:]], made])
    monkeypatch.setattr(Asked, "results", lambda self, *args: next(asks))
    _, done = calibrated(monkeypatch, None)
    assert done.tried.scorers is not None and done.left_out == 0


@pytest.mark.parametrize("scorer", [True, False])
def test_without_a_scorer_the_answers_are_those_of_what_will_choose(
    monkeypatch: pytest.MonkeyPatch, scorer: bool
) -> None:
    asked, done = calibrated(monkeypatch, None, scorer=scorer)
    assert done.tried.scorers is None and done.asked == 600
    # An earlier calibration's scorer is gone with it: a promise on its answers would not hold.
    assert asked.chosen_by == [scorers_of(asked.stored[0].scorers)]
