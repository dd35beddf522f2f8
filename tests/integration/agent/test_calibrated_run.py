"""A calibrated answer, and a claimed place, from the question to the trail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import event

from geofix import Agent, AsyncAgent, Settings, aopen_agent
from geofix.agent.context import Context
from geofix.agent.errors import RegionError, TrailError
from geofix.agent.verify.in_force import options_of
from geofix.agent.verify.scorers import HAND_SET, Scorers, scorers_digest
from geofix.events import AnyEvent
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path
from tests.files import exif_of, gps_of
from tests.integration.explained import explained, resumed
from tests.unit.agent.calibrations import fitted

SACRE_COEUR = (48.8867, 2.3431)
SYDNEY = (-33.8568, 151.2153)


def calibrate(agent: Agent, **changes: Any) -> int:
    """Keep a calibration for the starter gallery, whose held-out errors were 1 to 100 km."""
    centring = agent.services.gallery.centring(agent.services.encoder.name)
    assert centring is not None
    held = {
        "encoder": agent.services.encoder.name,
        "centring_version": centring.version,
        "photos_in_gallery": centring.photos,
        "options": options_of(Context()),
    }
    document = fitted(**{**held, **changes})
    return agent.services.calibrations.save(
        document.encoder, document.galleries, document.drafted_by, document.model_dump(mode="json")
    )


@pytest.fixture
def with_exif(tmp_path: Path) -> Any:
    def saved(place: tuple[float, float] | None) -> Path:
        path = tmp_path / "photo.png"
        pixels = Image.open(sample_path())
        pixels.save(path, **({} if place is None else {"exif": exif_of(gps_of(*place))}))
        return path

    return saved


def test_a_set_up_that_was_never_calibrated_says_so(agent: Agent) -> None:
    fix = explained(agent, sample_path())
    assert not fix.radius_calibrated
    assert (fix.radii_km, fix.confidence) == ({}, {})
    assert fix.calibration is not None and not fix.calibration.fitted
    assert fix.calibration.reason == (
        f"there is no calibration for encoder {agent.services.encoder.name!r} and all galleries;"
        " run `geofix calibrate DATASET`"
    )


def test_a_calibrated_answer_states_its_radii(agent: Agent) -> None:
    reach = explained(agent, sample_path()).radius_km
    made = calibrate(agent)
    fix = explained(agent, sample_path())
    assert fix.radius_calibrated
    assert fix.radius_km == pytest.approx(91) != reach
    assert fix.radii_km == {"0.5": 51, "0.8": 81, "0.9": 91, "0.95": 96}
    assert fix.calibration is not None
    assert (fix.calibration.id, fix.calibration.reason) == (made, None)
    assert set(fix.confidence) == {"street", "city", "region", "country", "continent"}
    # What the answer rests on does not depend on what is promised of it.
    assert [one.external_id for one in fix.evidence] == ["outdoor/montmartre_far.jpg"]
    half = explained(agent, sample_path(), coverage=0.5)
    assert half.radius_km == pytest.approx(51)


def test_a_newer_calibration_is_found_by_an_open_agent(agent: Agent) -> None:
    calibrate(agent)
    assert explained(agent, sample_path()).radius_km == pytest.approx(91)
    newer = calibrate(agent, errors_km=tuple(float(km) for km in range(101, 201)))
    fix = explained(agent, sample_path())
    assert fix.radius_km == pytest.approx(191)
    assert fix.calibration is not None and fix.calibration.id == newer


def test_a_calibration_is_read_once(agent: Agent) -> None:
    calibrate(agent)
    read: list[str] = []
    event.listen(agent.services.engine, "before_cursor_execute", lambda *a: read.append(str(a[2])))
    for _ in range(2):
        assert explained(agent, sample_path()).radius_calibrated
    assert sum("calibrations.document" in statement for statement in read) == 1


@pytest.mark.parametrize(
    ("changes", "options", "says"),
    [
        ({"centring_version": 99}, {}, "centring version 99"),
        ({"photos_in_gallery": 1000}, {}, "and 1000 when it was calibrated"),
        ({"drafted_by": "openai:x"}, {}, "drafter 'openai:x', and now it is 'consensus'"),
        ({}, {"within": "France"}, "limited to France"),
        ({}, {"positives": 8}, "the option positives = 16, and asked with 8"),
        ({}, {"galleries": ("starter",)}, "galleries 'starter'; run `geofix calibrate DATASET`"),
    ],
)
def test_a_set_up_that_drifted_says_so(
    agent: Agent, changes: dict[str, Any], options: dict[str, Any], says: str
) -> None:
    calibrate(agent, **changes)
    fix = explained(agent, sample_path(), **options)
    assert fix.status == "located" and not fix.radius_calibrated
    assert fix.calibration is not None and says in (fix.calibration.reason or "")
    assert fix.radii_km == {} and fix.radius_km == pytest.approx(1)


def test_scorers_of_a_calibration_that_does_not_hold_do_not_choose(agent: Agent) -> None:
    before = explained(agent, sample_path())
    place = HAND_SET.place.model_copy(update={"name": "with a model", "intercept": -9.0})
    own = Scorers(place=place)
    scored = {"scorers": own.model_dump(mode="json"), "chosen_by": scorers_digest(own)}
    calibrate(agent, drafted_by="openai:x", **scored)
    fix = explained(agent, sample_path(), accept_margin=0.0)
    assert fix.status == "located" and not fix.radius_calibrated
    assert [one.terms for one in fix.candidates] == [one.terms for one in before.candidates]
    why = "drafter 'openai:x', and now it is 'consensus'"
    assert fix.calibration is not None and why in (fix.calibration.reason or "")
    assert any(line.code == "scorers_passed_over" for line in fix.degraded)
    assert why in str(fix.degraded)
    # Of the drafter that did draft there is one, which holds, with the scorers it was made with.
    calibrate(agent, **scored, options=options_of(Context(accept_margin=0.0)))
    fix = explained(agent, sample_path(), accept_margin=0.0)
    assert fix.radius_calibrated and not any("scorers" in line.text for line in fix.degraded)
    assert [one.terms for one in fix.candidates] != [one.terms for one in before.candidates]


def test_an_answer_is_promised_by_the_calibration_that_chose_it(agent: Agent) -> None:
    made = calibrate(agent)

    def newer(event: AnyEvent) -> None:
        if event.kind == "step_done" and event.node == "verify":
            calibrate(agent, errors_km=(20_000.0,) * 100)

    fix = explained(agent, sample_path(), on_event=newer)
    assert fix.calibration is not None and fix.calibration.id == made
    assert fix.radius_km == pytest.approx(91)


def test_a_calibration_that_counted_photos_is_refused(agent: Agent) -> None:
    name = agent.services.encoder.name
    document = fitted().model_dump(mode="json", exclude={"places", "chosen_by"})
    agent.services.calibrations.save(name, (), "consensus", document)
    fix = explained(agent, sample_path())
    assert fix.calibration is not None and not fix.radius_calibrated
    reason = fix.calibration.reason or ""
    assert "which counted photos instead of places" in reason
    assert reason.endswith("run `geofix calibrate DATASET` again")


def test_a_calibration_of_another_version_does_not_end_the_run(agent: Agent) -> None:
    name = agent.services.encoder.name
    document = {"photos": 1, "places": 1, "digest": "ab" * 32, "radius": "of another kind"}
    agent.services.calibrations.save(name, (), "consensus", document)
    fix = explained(agent, sample_path())
    assert fix.status == "located" and not fix.radius_calibrated
    assert fix.calibration is not None
    assert "made by another version of geofix" in (fix.calibration.reason or "")


def test_what_a_person_chose_is_not_promised(agent: Agent) -> None:
    calibrate(agent, options=options_of(Context(accept_margin=1.0)))
    explained(agent, sample_path(), run_id="case", accept_margin=1.0, pause="unsure")
    fix = resumed(agent, "case", rank=1)
    assert fix.status == "located" and not fix.radius_calibrated
    assert fix.calibration is not None and "a person chose" in (fix.calibration.reason or "")


def test_what_was_found_in_a_region_that_a_person_gave_is_not_promised(agent: Agent) -> None:
    calibrate(agent, options={})
    agent.locate(sample_path(), run_id="case", pause="every_round")
    agent.answer("case", "look", region="France", by="Ada")
    agent.answer("case", "go_on")
    fix = agent.explain("case")
    assert fix.status == "located" and not fix.radius_calibrated
    assert fix.calibration is not None
    assert "the region was given by Ada" in (fix.calibration.reason or "")


def test_who_only_lets_geofix_go_on_takes_no_promise_away(agent: Agent) -> None:
    calibrate(agent, options={})
    agent.locate(sample_path(), run_id="case", pause="every_round")
    agent.answer("case", "go_on")
    assert agent.explain("case").radius_calibrated


def test_a_claimed_place_is_checked(agent: Agent) -> None:
    calibrate(agent)
    true = explained(agent, sample_path(), claim="48.8867,2.3431").claim_check
    false = explained(agent, sample_path(), claim=SYDNEY).claim_check
    assert true is not None and false is not None
    assert true.verdict == "consistent" and true.p_value == 1.0
    assert false.verdict == "inconsistent" and false.p_value == pytest.approx(1 / 101)
    assert (false.latitude, false.longitude) == SYDNEY
    strict = explained(agent, sample_path(), claim=SYDNEY, claim_level=0.009).claim_check
    assert strict is not None and strict.verdict == "undecidable"
    assert explained(agent, sample_path()).claim_check is None


def test_without_a_calibration_a_claim_is_undecidable(agent: Agent) -> None:
    check = explained(agent, sample_path(), claim=SYDNEY).claim_check
    assert check is not None and check.verdict == "undecidable"
    assert "run `geofix calibrate DATASET`" in check.reason


def test_what_the_exif_claims_is_checked_and_never_enters_the_state(
    agent: Agent, with_exif: Any
) -> None:
    calibrate(agent)
    fix = explained(agent, with_exif(SYDNEY), claim="exif", run_id="case")
    assert fix.claim_check is not None and fix.claim_check.verdict == "inconsistent"
    assert fix.latitude == pytest.approx(SACRE_COEUR[0], abs=0.01)
    for state in agent.graph.get_state_history({"configurable": {"thread_id": "case"}}):
        assert "33.85" not in repr(state.values) and "151.21" not in repr(state.values)
    # Asked again it is the same answer, by the same calibration, whatever was made since.
    calibrate(agent, errors_km=(20_000.0,) * 100)
    assert explained(agent, with_exif(SYDNEY), claim="exif", run_id="case") == fix


def test_a_file_without_a_place_in_its_exif_says_so(agent: Agent, with_exif: Any) -> None:
    fix = explained(agent, with_exif(None), claim="exif")
    assert fix.claim_check is None
    assert any("has no position in its EXIF" in note for note in fix.photo_notes)


@pytest.mark.parametrize("claim", ["exif", "-33.8568,151.2153"])
def test_a_resumed_run_keeps_its_claim(agent: Agent, with_exif: Any, claim: str) -> None:
    calibrate(agent)
    photo = with_exif(SYDNEY)

    def fail(event: AnyEvent) -> None:
        if event.kind == "step_done" and event.node == "verify":
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        explained(agent, photo, claim=claim, run_id="case", on_event=fail)
    with pytest.raises(TrailError, match="other options"):
        explained(agent, photo, run_id="case")
    check = resumed(agent, "case").claim_check
    assert check is not None and check.verdict == "inconsistent"


def test_a_claim_that_is_none_is_refused_before_anything_is_kept(agent: Agent) -> None:
    with pytest.raises(RegionError, match="Atlantis"):
        explained(agent, sample_path(), claim="Atlantis", run_id="case")
    assert agent.services.trail.find("case") is None


async def test_the_asynchronous_facade_checks_claims_too(
    agent: Agent, starter_url: str, encoder: Encoder
) -> None:
    calibrate(agent)
    async with aopen_agent(Settings(database_url=starter_url), encoder=encoder) as opened:
        assert isinstance(opened, AsyncAgent)
        run = (await opened.alocate(sample_path(), claim=SYDNEY)).run
        fix = await opened.aexplain(run)
    assert fix.radius_calibrated
    assert fix.claim_check is not None and fix.claim_check.verdict == "inconsistent"
