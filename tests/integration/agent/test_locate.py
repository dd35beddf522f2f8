"""The main job on real photos: the sample, what is hard, and what must not be answered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from geofix import Agent, GeofixError, Settings, locate, open_agent
from geofix.agent.errors import DatabaseError, GalleryError, PhotoError, RegionError
from geofix.agent.state import Settled
from geofix.db import schema
from geofix.db.engine import open_engine
from geofix.db.runs import Trail
from geofix.tools.encoders.efficientnet_lite0 import EfficientNetLite0Encoder
from geofix.tools.geo.distance import haversine_km
from geofix.tools.photo.samples import sample_path
from tests.fakes import ColorEncoder
from tests.integration.explained import explained

SACRE_COEUR = (48.8867, 2.3431)


def flower() -> Path:
    import sklearn.datasets  # noqa: PLC0415 - one second, for its picture only

    return Path(sklearn.datasets.__file__).parent / "images" / "flower.jpg"


@pytest.fixture(scope="module")
def fix(shared_agent: Agent) -> Settled:
    return explained(shared_agent, sample_path())


def test_the_sample_photo_is_placed_within_a_kilometer_in_paris(fix: Settled) -> None:
    assert fix.status == "located"
    assert fix.latitude is not None and fix.longitude is not None
    assert haversine_km(fix.latitude, fix.longitude, *SACRE_COEUR) < 1
    assert fix.place is not None and fix.place.label.startswith("Paris")
    assert fix.place.country_code == "FR"
    assert fix.radius_km is not None and not fix.radius_calibrated
    assert len(fix.candidates) >= 3
    assert [candidate.rank for candidate in fix.candidates] == list(
        range(1, len(fix.candidates) + 1)
    )


def test_one_pass_of_the_network_gives_vector_and_scene(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []
    run = EfficientNetLite0Encoder._run

    def counted(self: EfficientNetLite0Encoder, images: Sequence[Image.Image]) -> Any:
        passes.append(len(images))
        return run(self, images)

    monkeypatch.setattr(EfficientNetLite0Encoder, "_run", counted)
    # The same picture in a file of its own, which is embedded anew.
    explained(agent, sample_path().read_bytes() + b"once")
    assert passes == [1]


def test_a_fix_without_a_model_is_never_passed_off_as_one(fix: Settled) -> None:
    assert fix.drafted_by == "consensus"
    assert fix.degraded == []


def test_the_evidence_lies_within_the_radius_and_names_its_licence(fix: Settled) -> None:
    # Notre-Dame is alike too, and 4 km away.
    assert [photo.external_id for photo in fix.evidence] == ["outdoor/montmartre_far.jpg"]
    assert fix.evidence[0].licence == "BSD-3-Clause"


def test_grand_central_has_new_york_among_its_first_three(shared_agent: Agent) -> None:
    fix = explained(shared_agent, sample_path("indoor/gcs_close.jpg"))
    assert any("New York" in (c.place or "") for c in fix.candidates[:3])


def test_a_flower_is_not_placed(shared_agent: Agent) -> None:
    fix = explained(shared_agent, flower(), reject_scenes=False)
    assert fix.status == "abstained"
    assert (fix.latitude, fix.longitude, fix.radius_km, fix.place) == (None, None, None, None)
    assert fix.reasons[0].code == "unlike_gallery"
    assert fix.candidates


def test_a_flower_shows_no_place_and_keeps_its_candidates(shared_agent: Agent) -> None:
    fix = explained(shared_agent, flower())
    assert fix.status == "abstained"
    assert fix.reasons[0].code == "no_place_shown"
    assert fix.candidates


def test_a_photo_is_no_evidence_for_itself(shared_agent: Agent) -> None:
    reference = "outdoor/montmartre_far.jpg"
    fix = explained(shared_agent, sample_path(reference))
    retrieved = shared_agent.services.trail.read(fix.run or "").steps[1].detail["positives"]
    assert reference not in {hit["external_id"] for hit in retrieved}


@pytest.mark.parametrize("within", ["France", "48.86,2.35,30", "48.6,2,49,2.6"])
def test_the_answer_stays_within_the_region_asked(shared_agent: Agent, within: str) -> None:
    fix = explained(shared_agent, sample_path(), within=within)
    assert fix.status == "located"
    assert {candidate.country_code for candidate in fix.candidates} == {"FR"}


def test_a_region_without_photos_abstains_and_says_so(shared_agent: Agent) -> None:
    fix = explained(shared_agent, sample_path(), within="0,-30,100")
    assert fix.status == "abstained"
    assert fix.reasons[0].code == "no_photo_found"
    assert fix.candidates == []


def test_what_the_file_claims_is_reported_apart_and_moves_nothing(
    shared_agent: Agent, fix: Settled, tmp_path: Path
) -> None:
    forged = tmp_path / "Sydney.jpg"
    exif = Image.Exif()
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps |= {1: "S", 2: (33.0, 51.0, 25.0), 3: "E", 4: (151.0, 12.0, 55.0)}
    exif[ExifTags.IFD.GPSInfo] = gps
    with Image.open(sample_path()) as original:
        original.save(forged, exif=exif, quality=95)
    claimed = explained(shared_agent, forged)
    assert claimed.claim is not None
    assert claimed.claim.latitude == pytest.approx(-33.857, abs=0.001)
    assert claimed.claim.distance_km == pytest.approx(16960, rel=0.01)
    assert claimed.latitude == pytest.approx(fix.latitude, abs=1e-6)
    trail = str(Trail(shared_agent.services.engine).read(claimed.run or "").steps)
    assert "33.85" not in trail and "Sydney" not in trail


def test_every_step_is_in_the_trail_in_order(shared_agent: Agent, fix: Settled) -> None:
    run = Trail(shared_agent.services.engine).read(fix.run or "")
    assert [step.node for step in run.steps] == ["embed", "retrieve", "draft", "verify", "settle"]
    assert run.photo_sha256 and run.settled is not None
    assert run.setup["encoder"] == shared_agent.services.encoder.name
    assert run.question["options"]["positives"] == 16
    retrieved = run.steps[1].detail
    assert len(retrieved["positives"]) == len(retrieved["negatives"]) == 16
    assert retrieved["centring_version"] == 1


PAPERS = {"vectors": "raw", "positives": 100, "negatives": 100, "negatives_apart_km": 0}


def test_a_degraded_search_says_so_and_raw_vectors_are_the_papers_mode(shared_agent: Agent) -> None:
    fix = explained(shared_agent, sample_path(), **PAPERS)
    steps = Trail(shared_agent.services.engine).read(fix.run or "").steps
    assert any("both as positives and as negatives" in note for note in steps[1].detail["notes"])
    assert fix.candidates[0].place is not None
    assert fix.candidates[0].place.startswith("Paris")
    codes = [reason.code for reason in fix.degraded]
    assert codes == ["negatives_contradict", "rarity_unknown"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"positives": 0}, "positives"),
        ({"no_such_option": 1}, "no_such_option"),
        ({"within": "Atlantis"}, "Atlantis"),
        ({"within": "91,0,5"}, "91"),
        ({"galleries": ("nosuch",)}, "nosuch"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_leaves_no_run(
    agent: Agent, options: dict[str, object], text: str
) -> None:
    with pytest.raises(GeofixError, match=text):
        explained(agent, sample_path(), **options)  # type: ignore[arg-type]
    assert agent.services.trail.latest() == []


def test_a_photo_that_is_none_leaves_nothing(agent: Agent, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo at all")
    with pytest.raises(PhotoError, match=r"broken\.jpg"):
        explained(agent, broken)
    assert agent.services.trail.latest() == []


def test_an_empty_gallery_says_what_to_do(database_url: str, tmp_path: Path) -> None:
    photo = tmp_path / "red.png"
    Image.new("RGB", (64, 64), "red").save(photo)
    with pytest.raises(GalleryError, match="geofix gallery add starter"):
        locate(photo, settings=Settings(database_url=database_url))


def test_another_encoder_is_an_error_that_names_both(starter_url: str) -> None:
    with (
        open_agent(Settings(database_url=starter_url), encoder=ColorEncoder()) as opened,
        pytest.raises(GalleryError, match=r"efficientnet-lite0.*'color'"),
    ):
        explained(opened, sample_path())


def test_a_region_is_checked_before_the_photo_is_read(shared_agent: Agent) -> None:
    with pytest.raises(RegionError):
        explained(shared_agent, "there is no such photo.jpg", within="Atlantis")


def test_a_set_up_that_was_cut_off_says_what_to_run(new_database: str) -> None:
    engine = open_engine(new_database)
    schema.upgrade_schema(engine)
    engine.dispose()
    with pytest.raises(
        DatabaseError, match=r"does not have LangGraph's tables .* run `geofix db upgrade`"
    ):
        locate(sample_path(), settings=Settings(database_url=new_database))
