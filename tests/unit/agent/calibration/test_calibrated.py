from __future__ import annotations

import math
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from geofix.agent.answer import Calibration
from geofix.agent.calibration.promise import SIGNALS as SIGNALS_KNOWN
from geofix.agent.calibration.promise import Fitted, Promise, apply, signals_of
from geofix.agent.calibration.stored import Stored
from geofix.agent.context import Context
from geofix.agent.services import Services
from geofix.agent.state import Draft
from geofix.agent.verify.in_force import (
    InForce,
    RunSetup,
    drafters,
    drift,
    in_force,
    options_of,
)
from geofix.agent.verify.scorers import HAND_SET, Scorers, default_scorers, scorers_digest
from geofix.tools.geo.distance import HALF_CIRCUMFERENCE_KM
from tests.unit.agent.calibrations import confidence, fitted
from tests.unit.agent.candidate import candidate
from tests.unit.agent.hits import BERLIN, CHARTRES, PARIS, hit, retrieval

SETUP = RunSetup(
    encoder="color",
    galleries=(),
    drafted_by="consensus",
    centring_version=1,
    photos_in_gallery=1000,
    options={},
)
SIGNALS = {"log_odds": 0.0}


def promised(known: Fitted, **changes: Any) -> Promise:
    return apply(
        Stored(7, known).known, known, SIGNALS, reach_km=3.0, **{"coverage": 0.9, **changes}
    )


def test_a_calibration_that_holds_gives_radii_at_every_level() -> None:
    promise = promised(fitted(), coverage=0.8)
    assert promise.kept
    assert promise.radii_km == {"0.5": 51, "0.8": 81, "0.9": 91, "0.95": 96}
    assert promise.radius_km == pytest.approx(81)
    assert promise.calibration.fitted and promise.calibration.reason is None
    assert promise.calibration.id == 7 and promise.calibration.photos == 100
    assert list(promise.confidence) == ["street", "city", "region", "country", "continent"]
    # The promise in the words that hold, with what it counts.
    assert promise.calibration.places == 100
    assert "new places like the 100 places" in promise.calibration.notes[0].text
    assert "on average over calibrations" in promise.calibration.notes[0].text


def test_without_a_calibration_the_photos_reach_is_the_radius() -> None:
    never = Calibration(fitted=False, reason="no calibration for encoder 'x'")
    promise = apply(never, None, SIGNALS, reach_km=3.0, coverage=0.9)
    assert not promise.kept
    assert (promise.radius_km, promise.radii_km, promise.confidence) == (3.0, {}, {})
    assert promise.calibration == never


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"encoder": "siglip"}, "encoder 'color', and now it is 'siglip'"),
        ({"galleries": ("world",)}, r"galleries \[\], and now it is \['world'\]"),
        ({"drafted_by": "openai:x"}, "drafter 'consensus', and now it is 'openai:x'"),
        ({"centring_version": 2}, "centring version 1, and now it is 2"),
        ({"centring_version": None}, "centring version 1, and now it is None"),
        ({"image_place": "clip"}, "image-place model None, and now it is 'clip'"),
        ({"photos_in_gallery": 1201}, r"1201 photos were searched, and 1000 .*\+20%"),
        ({"photos_in_gallery": 799}, "799 photos were searched, and 1000 .*-20%"),
        ({"within": "France"}, "limited to France"),
        ({"by_person": True}, "a person chose"),
    ],
)
def test_what_has_changed_ends_the_promise_and_the_say_of_its_scorers(
    change: dict[str, Any], says: str
) -> None:
    own = Scorers(place=HAND_SET.place.model_copy(update={"name": "calibrated"}))
    known = fitted(scorers=own.model_dump(mode="json"), chosen_by=scorers_digest(own))
    assert decided(known, SETUP) == InForce(own, Stored(7, known).known)
    changed = decided(known, replace(SETUP, **change))
    assert changed.scorers == default_scorers()
    reason = changed.calibration.reason or ""
    assert re.search(says, reason) and changed.passed_over == reason
    promise = apply(changed.calibration, known, SIGNALS, reach_km=3.0, coverage=0.9)
    assert not promise.kept
    assert promise.radius_km == 3.0 and promise.confidence == {}
    assert promise.calibration.fitted and promise.calibration.reason == reason


def decided(known: Fitted | str, setup: RunSetup, **changes: Any) -> InForce:
    """What a run goes by where this is the only calibration."""
    found = known if isinstance(known, str) else Stored(7, known)
    services = SimpleNamespace(
        known_calibrations=SimpleNamespace(of=lambda *setup: found),
        change_scorers=changes.get("change_scorers", lambda scorers: scorers),
    )
    return in_force(cast(Services, services), setup)


def test_without_a_calibration_the_shipped_scorers_choose() -> None:
    assert decided("never", SETUP) == InForce(
        default_scorers(), Calibration(fitted=False, reason="never")
    )


def test_scorers_that_an_evaluation_changes_are_not_those_calibrated() -> None:
    def changed(scorers: Scorers) -> Scorers:
        return Scorers(place=scorers.place.model_copy(update={"intercept": 9.0}))

    found = decided(fitted(), SETUP, change_scorers=changed)
    assert found.scorers == changed(default_scorers())
    assert "the scorers have changed since the calibration" in (found.calibration.reason or "")
    assert found.passed_over is None


def test_shipped_scorers_of_another_version_end_the_promise() -> None:
    found = decided(fitted(chosen_by="ab" * 32), SETUP)
    assert "another version of geofix" in (found.calibration.reason or "")


def test_scorers_that_weigh_unknown_features_end_the_promise_too() -> None:
    gone = {"coefficients": {"gone": 1.0}, "means": {"gone": 0.0}, "scales": {"gone": 1.0}}
    place = HAND_SET.place.model_copy(update=gone)
    known = fitted(scorers=Scorers(place=place).model_dump(mode="json"))
    found = decided(known, SETUP)
    assert found.scorers == default_scorers()
    assert "no feature is called 'gone'" in (found.calibration.reason or "")
    assert found.passed_over == found.calibration.reason


def test_a_run_is_drafted_by_whoever_did_in_each_round() -> None:
    def drafts(*names: str) -> list[Draft]:
        return [Draft(round=0, drafted_by=name, latitude=None, longitude=None) for name in names]

    assert drafters([]) == drafters(drafts("consensus")) == "consensus"
    assert drafters(drafts("openai:x", "openai:x")) == "openai:x"
    assert drafters(drafts("openai:x", "consensus")) == "openai:x, then consensus"


def test_a_gallery_may_grow_and_shrink_by_a_fifth() -> None:
    for photos in (800, 1000, 1200):
        assert drift(fitted(), replace(SETUP, photos_in_gallery=photos)) is None


def test_the_order_of_galleries_is_of_no_account() -> None:
    both = replace(SETUP, galleries=("b", "a"))
    assert drift(fitted(galleries=("a", "b")), both) is None


def test_options_that_shape_the_answer_have_to_be_the_same() -> None:
    known = fitted(options=options_of(Context(positives=16)))
    assert drift(known, replace(SETUP, options=options_of(Context(positives=16)))) is None
    spoken = options_of(Context(positives=16, coverage=0.5, max_seconds=3, claim_level=0.1))
    assert drift(known, replace(SETUP, options=spoken)) is None
    other = drift(known, replace(SETUP, options=options_of(Context(positives=32))))
    assert other == "calibrated with the option positives = 16, and asked with 32"
    # Fitted on simulated runs, or by a version that did not know the option yet.
    assert drift(fitted(options={}), replace(SETUP, options=options_of(Context()))) is None
    later = options_of(Context(answer_by="nearest"))
    told = drift(fitted(options={}), replace(SETUP, options=later))
    assert told == "calibrated with the option answer_by = 'verdict', and asked with 'nearest'"


def test_signals_of_another_version_end_the_promise() -> None:
    model = confidence()
    strange = model.model_copy(update={"means": {"log_odds": 0.0, "gone": 0.0}})
    reason = drift(fitted(confidence=strange), SETUP) or ""
    assert "another version of geofix, on gone; run `geofix calibrate DATASET` again" in reason


def test_a_radius_of_the_whole_earth_is_capped_and_noted() -> None:
    promise = promised(fitted(errors_km=(1.0, 2.0, 3.0)))
    assert promise.kept
    assert promise.radius_km == HALF_CIRCUMFERENCE_KM
    assert [note.text[:17] for note in promise.calibration.notes[1:]] == [
        "the radius at 80%",
        "the radius at 90%",
        "the radius at 95%",
    ]


def test_no_radius_is_stated_finer_than_a_meter() -> None:
    assert promised(fitted(errors_km=(0.0,) * 40)).radius_km == 0.001


def test_a_calibration_comes_back_from_json_as_it_was() -> None:
    known = fitted(options=options_of(Context()))
    assert Fitted.model_validate_json(known.model_dump_json()) == known


def test_signals_are_finite_and_say_what_they_mean() -> None:
    first = candidate(PARIS, 0.8, scale_km=1.0, share_1_km=0.7, inliers=55.0)
    near = candidate(PARIS, 0.7)
    rival = candidate(BERLIN, 0.3).model_copy(update={"distance_km": 880.0})
    vetoed = candidate(CHARTRES, 0.6, vetoed="sea").model_copy(update={"distance_km": 80.0})
    found = retrieval([hit(PARIS, 0.5, impostor_share=0.01)])
    signals = signals_of(first, [first, near, rival, vetoed], found, rounds=3)
    # What lies within the scale at which the first is known is no rival, nor is what is vetoed.
    assert signals.keys() == SIGNALS_KNOWN
    assert signals["lead"] == pytest.approx(0.5)
    assert signals["log_odds"] == pytest.approx(math.log(4))
    assert signals["log_impostor_share"] == pytest.approx(-2)
    assert signals["log_inliers"] == pytest.approx(math.log(56))
    assert (signals["log_scale"], signals["share_1_km"], signals["rounds"]) == (0, 0.7, 3)


def test_signals_are_finite_where_nothing_is_known() -> None:
    alone = candidate(PARIS, 1.0).model_copy(update={"best_similarity": None, "radius_km": 0.0})
    signals = signals_of(alone, [alone], retrieval([]))
    assert all(map(math.isfinite, signals.values()))
    assert signals["lead"] == 1.0
