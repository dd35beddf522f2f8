"""GeoCLIP compares the photo with every candidate, through the whole graph, where it is asked."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from geofix import Settings, open_agent
from geofix.agent.errors import GeofixError
from geofix.agent.state import Settled
from geofix.agent.verify.scorers import HAND_SET, Scorers, scorers_digest
from geofix.tools.encoders.geoclip import ImagePlace
from geofix.tools.photo.samples import sample_path
from tests.integration.explained import explained
from tests.unit.agent.calibrations import fitted
from tests.unit.tools.encoders.geoclip_files import write_package
from tests.unit.tools.encoders.tiny_models import write


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    site = tmp_path / "site"
    write_package(site)
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    write(tmp_path / "clip", "clip-768")
    return str(tmp_path / "clip")


def verified(agent: Any, fix: Settled) -> dict[str, Any]:
    """Return what verify left in the trail."""
    steps = agent.services.trail.read(fix.run).steps
    detail: dict[str, Any] = next(step for step in steps if step.node == "verify").detail
    return detail


def test_candidates_tell_how_alike_photo_and_place_are_and_the_trail_by_which_model(
    starter_url: str, clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(database_url=starter_url, image_place=clip)
    seen = []
    vector = ImagePlace.vector

    def counted(self: ImagePlace, photo: Any) -> Any:
        seen.append(photo.size)
        return vector(self, photo)

    monkeypatch.setattr(ImagePlace, "vector", counted)
    with open_agent(settings) as agent:
        fix = explained(agent, sample_path())
        alike = [candidate.parts["image_place"] for candidate in fix.candidates]
        assert len(alike) > 1 and all(0 < abs(one) <= 1 for one in alike)
        assert len({round(one, 6) for one in alike}) > 1
        lead = {candidate.parts["image_place_lead"] for candidate in fix.candidates}
        assert max(lead) > 0 > min(lead)
        assert str(verified(agent, fix)["image_place"]).startswith("geoclip:")
        # Another question about the same photo: its vector is kept.
        again = explained(agent, sample_path(), coverage=0.5)
        assert [one.parts["image_place"] for one in again.candidates] == pytest.approx(alike)
    assert len(seen) == 1


def test_a_calibrations_weight_of_it_decides_and_holds_for_that_model_alone(
    starter_url: str, clip: str
) -> None:
    place = HAND_SET.place.model_dump()
    for column, value in (("coefficients", 5.0), ("means", 0.0), ("scales", 1.0)):
        place[column] = place[column] | {"image_place": value}
    own = Scorers.model_validate({"place": place})
    with open_agent(Settings(database_url=starter_url, image_place=clip)) as agent:
        services = agent.services
        centring = services.gallery.centring(services.encoder.name)
        assert centring is not None

        def calibrated_with(model: str) -> None:
            document = fitted(
                encoder=services.encoder.name,
                centring_version=centring.version,
                photos_in_gallery=centring.photos,
                scorers=own.model_dump(mode="json"),
                chosen_by=scorers_digest(own),
                image_place=model,
            )
            services.calibrations.save(
                services.encoder.name, (), services.drafted_by, document.model_dump(mode="json")
            )

        calibrated_with(clip)
        fix = explained(agent, sample_path())
        first = fix.candidates[0]
        assert first.terms["image_place"] == pytest.approx(5 * first.parts["image_place"])
        assert fix.calibration is not None and fix.calibration.reason is None
        calibrated_with("another CLIP")
        fix = explained(agent, sample_path())
        assert fix.candidates[0].terms.get("image_place", 0.0) == 0.0
        assert fix.calibration is not None and fix.calibration.reason is not None
        assert "image-place model 'another CLIP'" in fix.calibration.reason


def test_without_the_package_the_question_fails_and_says_what_to_install(
    starter_url: str, tmp_path: Path
) -> None:
    settings = Settings(database_url=starter_url, image_place=str(tmp_path))
    with (
        open_agent(settings) as agent,
        pytest.raises(GeofixError, match="the package 'geoclip' is not installed"),
    ):
        explained(agent, sample_path())
