"""A small simulated world is calibrated through the whole graph, in a real Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from geofix.agent.calibration.promise import Fitted
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.agent.verify.scorers import default_scorers, scorers_digest
from geofix.evaluation.calibrate import calibrating, promises
from geofix.evaluation.calibrate.calibrating import Wanted, calibrate
from geofix.evaluation.run.result import EvalPhoto
from geofix.evaluation.worlds.dataset import WorldDataset
from geofix.evaluation.worlds.world import Size
from geofix.tools.errors import SourceError
from geofix.tools.once import once_property
from tests.unit.evaluation.worlds.conftest import places

__all__ = ["places"]


class Parted(WorldDataset):
    """A world whose places are tenths of a degree: it has 27 others, too few to calibrate on."""

    @once_property
    def photos(self) -> Sequence[EvalPhoto]:
        return [
            replace(photo, group=f"{photo.latitude:.1f}, {photo.longitude:.1f}")
            for photo in super().photos
        ]


QUERIES, FEWEST = 200, 60
"""Some 80 are answered; to wait for the 150 that a calibration takes would be twice as long."""


def small(queries: int) -> WorldDataset:
    return Parted("world", "test", 1, Size(3000, queries=queries))


def wanted(monkeypatch: pytest.MonkeyPatch, queries: int) -> Wanted:
    dataset = small(queries)
    monkeypatch.setattr(calibrating, "open_dataset", lambda name, columns: dataset)
    return Wanted("world", options={"max_rounds": 1})


def test_a_world_is_calibrated_and_the_calibration_is_found(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promises, "FEWEST_ANSWERS", FEWEST)
    done = calibrate(
        wanted(monkeypatch, QUERIES), Settings(database_url=database_url), lambda line: None
    )
    assert done.asked == QUERIES
    assert done.answered >= FEWEST
    assert done.fitted.places >= 40 and done.kept.places == done.fitted.places
    for level, share in done.kept.coverage.items():
        assert share.low - 0.03 <= level <= share.high + 0.03
    assert done.kept.median_km[0.5] <= done.kept.median_km[0.95]
    with Services(Settings(database_url=database_url)) as services:
        name = small(QUERIES).name
        found = services.known_calibrations.of(name, (name,), services.drafted_by)
        assert not isinstance(found, str)
        chosen_by = scorers_digest(done.tried.scorers or default_scorers())
        assert found.fitted.chosen_by == chosen_by
        assert done.tried.place.judged or "no scorer was fitted" in done.tried.place.reason
        assert found.fitted == Fitted.model_validate(done.fitted.model_dump(mode="json"))


def test_too_few_photos_are_refused_before_any_is_asked(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    with pytest.raises(SourceError, match=r"^40 photos of .* too few to calibrate on: at least"):
        calibrate(wanted(monkeypatch, 40), Settings(database_url=database_url), lines.append)
    assert not lines
    with Services(Settings(database_url=database_url)) as services:
        assert not services.calibrations.list()
