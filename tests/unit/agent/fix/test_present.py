"""From what a run knows to the answer: one case for each kind of answer, and its size."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geofix.agent.answer import (
    Calibration,
    Claim,
    ClaimCheck,
    Code,
    Evidence,
    KnownPhoto,
    Place,
    Reason,
)
from geofix.agent.context import Context
from geofix.agent.draft.provenance import DraftsSaid, SaidClue, SaidHypothesis, ShownPicture
from geofix.agent.fix import Fix, FixQuestion
from geofix.agent.fix.evidence import MOST_EVIDENCE
from geofix.agent.fix.present import MOST_BYTES, present, usage_of
from geofix.agent.state import Asked, Candidate, Settled
from geofix.agent.verify.known_photos import MOST_KNOWN
from geofix.db.runs import Step

PARIS = {"latitude": 48.886712345678, "longitude": 2.343099999999}
NAME = "Paris, Île-de-France, France"


def candidate(rank: int, score: float, **fields: Any) -> Candidate:
    given: dict[str, Any] = {
        **PARIS,
        "radius_km": 1.0,
        "parts": {"share_1_km": 0.9812345678},
        "photos": 2,
        "best_similarity": 0.80123456789,
        "origin": "cluster",
        "scale_km": 1.0,
        "place": NAME,
        "distance_km": 0.0,
    }
    return Candidate(**{**given, "rank": rank, "score": score, **fields})


AWAY: dict[str, Any] = {"latitude": 52.51894, "longitude": 13.40036, "place": "Berlin, Germany"}

CANDIDATES = [
    candidate(1, 0.8412345678),
    candidate(2, 0.0512345678, distance_km=875.93650007, **AWAY),
    candidate(3, 0.02, distance_km=875.9, **AWAY),
    candidate(4, 0.0199, distance_km=875.9, **AWAY),
]

LOCATED: dict[str, Any] = {
    "status": "located",
    **PARIS,
    "radius_km": 1.0,
    "place": Place(name="Paris", country="France", country_code="FR", label=NAME),
    "drafted_by": "consensus",
    "calibration": Calibration(fitted=False, reason="run `geofix calibrate DATASET`"),
    "candidates": CANDIDATES,
    "reasons": [Reason.of(Code.VOTES, "98% of the votes"), Reason.of(Code.RARITY, "0.80")],
    "evidence": [
        Evidence(
            **PARIS, similarity=0.80123456, distance_km=0.0, gallery="starter", source="vismatch",
            external_id="outdoor/montmartre_far.jpg", licence="BSD-3-Clause", author="A. Author",
        )
    ],
    "rounds": 1,
}  # fmt: skip

CALIBRATED: dict[str, Any] = {
    **LOCATED,
    "radius_km": 12.3,
    "radius_calibrated": True,
    "radii_km": {"0.95": 8448.0, "0.5": 0.4, "0.8": 3.0, "0.9": 12.3},
    "confidence": {"street": 0.62345, "city": 0.91234, "continent": 1.0, "region": 0.95},
    "calibration": Calibration(
        fitted=True, places=400, digest="ab", notes=[Reason.of(Code.PROMISE, "on average")]
    ),
}

ABSTAINED: dict[str, Any] = {"status": "abstained", "candidates": CANDIDATES[1:], "rounds": 2}


ASKED = Asked(run="r2", thread="t", parent_run="r1", photo="sha256:0")


EVERY = ASKED.model_copy(update={"context": Context(every_candidate=True)})


def answer(fields: dict[str, Any], asked: Asked = ASKED, **options: Any) -> Fix:
    return present(Settled(**{"usage": usage_of([]), **fields}), asked, **options)


def test_without_a_calibration_there_is_a_score_a_reach_and_no_probability() -> None:
    fix = answer(LOCATED)
    assert (fix.run, fix.thread, fix.parent_run, fix.photo) == ("r2", "t", "r1", "sha256:0")
    assert fix.position is not None
    assert fix.position.model_dump() == {
        "latitude": 48.88671,
        "longitude": 2.3431,
        "radius_m": 1000,
        "radius_kind": "reach",
        "coverage": None,
        "radii": [],
    }
    assert fix.confidence == []
    assert [(one.id, one.probability, one.score) for one in fix.candidates] == [
        ("c1", None, 0.841),
        ("c2", None, 0.051),
        ("c3", None, 0.02),
    ]
    assert fix.candidates_not_listed == 1
    assert (fix.candidates[1].distance_m, fix.candidates[1].label) == (875937, "Berlin, Germany")
    (photo,) = fix.evidence
    assert (photo.supports, photo.attribution, photo.similarity) == (["c1"], "A. Author", 0.801)
    assert [(one.code, one.text) for one in fix.warnings] == [
        ("not_calibrated", "run `geofix calibrate DATASET`")
    ]
    assert (fix.abstention, fix.question, fix.claim) == (None, None, None)
    assert (fix.located, fix.latitude, fix.longitude, fix.radius_km) == (True, 48.88671, 2.3431, 1)


def test_with_a_calibration_the_radius_has_a_coverage_and_the_answer_a_probability() -> None:
    fix = answer(CALIBRATED)
    assert fix.position is not None
    assert (fix.position.radius_kind, fix.position.coverage) == ("calibrated", 0.9)
    assert [(one.coverage, one.radius_m) for one in fix.position.radii] == [
        (0.5, 400), (0.8, 3000), (0.9, 12300), (0.95, 8448000)
    ]  # fmt: skip
    assert [(one.scale, one.within_km, one.probability) for one in fix.confidence] == [
        ("street", 1, 0.623), ("city", 25, 0.912), ("region", 200, 0.95), ("continent", 2500, 1)
    ]  # fmt: skip
    # Nothing calibrates the probability of the others.
    assert [one.probability for one in fix.candidates] == [0.912, None, None]
    assert [one.code for one in fix.warnings] == ["promise"]
    assert (fix.method.calibration, fix.method.calibration_places) == ("ab", 400)


@pytest.mark.parametrize("code", [code for code in Code if code.use == "abstention"])
def test_an_abstention_has_its_code_and_no_position(code: Code) -> None:
    reasons = [Reason.of(code, "why"), Reason.of(Code.SEARCH_NOTE, "and how")]
    fix = answer({**ABSTAINED, "reasons": reasons})
    assert fix.abstention == Reason(code=str(code), text="why")
    assert [reason.code for reason in fix.reasons] == ["search_note"]
    assert (fix.located, fix.place, fix.latitude, fix.radius_km) == (False, None, None, None)
    # The first is listed whatever its score, and no answer is promised.
    assert [one.id for one in fix.candidates] == ["c2", "c3"] and fix.warnings == []
    # Who stopped a run is told to no model.
    why = "a person chose none of the candidates" if code == Code.PERSON_CHOSE_NONE else "why"
    assert f"No answer ({code}): {why}." in fix.to_text()


def test_a_run_that_waits_has_the_question_and_says_why() -> None:
    ambiguous = Reason.of(Code.AMBIGUOUS, "leads by only 0.01")
    interrupt = {
        "question": "Where?", "round": 2, "actions": {"stop": "None is right."}, "more": "forms",
        "proposes": {"action": "abstain", "reasons": ["leads by only 0.01"]},
        "candidates": [{"rank": 1}, {"rank": 2}], "candidates_not_listed": 3,
    }  # fmt: skip
    asked = FixQuestion.of(interrupt)
    assert asked is not None and (asked.round, asked.ranks) == (2, [1, 2, 3, 4, 5])
    assert (asked.proposes.action, asked.proposes.regions) == ("abstain", [])
    # As versions before asked.
    assert FixQuestion.of({"question": "Which candidate is right?", "candidates": []}) is None
    fix = answer({**ABSTAINED, "status": "waiting", "reasons": [ambiguous]}, question=asked)
    assert (fix.status, fix.question, fix.abstention) == ("waiting", asked, None)
    assert fix.reasons == [ambiguous]
    assert "2. Berlin, Germany (score 0.05)" in fix.to_text()


def test_an_excluded_candidate_says_why() -> None:
    held = Reason.of(Code.ONE_KIND_OF_EVIDENCE, "only drafts")
    fields = {**LOCATED, "candidates": [CANDIDATES[0], candidate(2, 0.9, held_back=held, **AWAY)]}
    fix = answer(fields)
    assert fix.candidates[1].excluded == held
    assert "Berlin" not in fix.to_text()


CLAIMED: dict[str, Any] = {
    "claim": Claim(latitude=-33.123456789, longitude=151.0, camera="Canon", distance_km=16960.1234),
    "claim_check": ClaimCheck(
        latitude=-33.0, longitude=151.0, verdict="inconsistent", p_value=0.01234567,
        distance_km=16960.1, reason="of others",
    ),
}  # fmt: skip


def test_a_claim_stands_apart_and_what_the_file_says_is_not_told_to_models() -> None:
    fix = answer({**CALIBRATED, **CLAIMED})
    assert fix.claim is not None and fix.claim.exif is not None and fix.claim.checked is not None
    assert (fix.claim.exif.latitude, fix.claim.exif.distance_m) == (-33.12346, 16960123)
    assert (fix.claim.checked.p_value, fix.claim.checked.text) == (0.0123, "of others")
    assert "The claimed place is inconsistent." in fix.to_text()
    assert "33.1" not in fix.to_text() and "Canon" not in fix.to_text()


def test_what_goes_to_a_model_says_nothing_of_the_exif() -> None:
    fix = answer({**CALIBRATED, **CLAIMED})
    shared = fix.without_exif()
    assert shared.claim is not None and fix.claim is not None
    assert (shared.claim.exif, shared.claim.checked) == (None, fix.claim.checked)
    # Asked with `--claim exif`, the check has the place of the EXIF.
    there = {"latitude": -33.123456789, "longitude": 151.0}
    checked = CLAIMED["claim_check"].model_copy(update=there)
    shared = answer({**CALIBRATED, **CLAIMED, "claim_check": checked}).without_exif()
    assert shared.claim is None and "151" not in shared.model_dump_json()


def test_an_answer_that_an_earlier_version_stored_is_read() -> None:
    stored = Settled(**LOCATED).model_dump(mode="json")
    stored |= {"reasons": ["98% of the votes"], "degraded": ["draft: failed"], "geojson": {}}
    stored["calibration"]["notes"] = ["on average"]
    stored["candidates"][1]["vetoed"] = "in the sea"
    fix = answer(stored)
    assert [(one.code, one.text) for one in fix.reasons] == [("other", "98% of the votes")]
    assert [one.text for one in fix.warnings][::2] == ["draft: failed", "on average"]
    assert fix.candidates[1].excluded == Reason(code="other", text="in the sea")


def test_where_the_photo_itself_is_known_is_told_with_its_distance() -> None:
    exact = KnownPhoto(
        kind="exact", latitude=48.8766, longitude=2.3431, gallery="g", source="s", external_id="1"
    )
    fix = answer({**LOCATED, "known_photos": [exact]})
    (known,) = fix.known_photos
    assert (known.kind, known.latitude, known.photo, known.distance_m) == (
        "exact",
        48.8766,
        "1",
        1124,
    )
    assert "This exact file is in a gallery at 48.87660, 2.34310." in fix.to_text()
    assert Fix.read(fix.model_dump_json()).known_photos == [known]
    before = fix.model_dump(mode="json", exclude={"known_photos"})
    assert Fix.read(before).known_photos == []
    abstained = answer({**ABSTAINED, "known_photos": [exact]})
    assert abstained.known_photos[0].distance_m is None


def test_geojson_has_longitude_first_and_the_answer_apart() -> None:
    radius, point, *others = answer(LOCATED).to_geojson()["features"]
    assert (radius["geometry"]["type"], radius["properties"]["role"]) == ("Polygon", "radius")
    assert (point["geometry"]["coordinates"], point["properties"]["role"]) == (
        [2.3431, 48.88671],
        "fix",
    )
    assert [one["properties"]["role"] for one in others] == ["candidate", "candidate", "evidence"]
    none = answer(ABSTAINED).to_geojson()["features"]
    assert {one["properties"]["role"] for one in none} == {"candidate"}


def test_what_was_not_done_as_asked_is_a_warning() -> None:
    failed = Reason.of(Code.MODEL_FAILED, "the photos voted instead")
    fix = answer({**LOCATED, "degraded": [failed], "photo_notes": ["animated"]})
    assert [one.code for one in fix.warnings] == ["model_failed", "not_calibrated", "photo_note"]


def test_every_candidate_is_listed_on_request() -> None:
    many = {**LOCATED, "candidates": [candidate(rank, 0.5) for rank in range(1, 31)]}
    usual, every = answer(many), answer(many, EVERY)
    assert (len(usual.candidates), usual.candidates_not_listed) == (10, 20)
    assert (len(every.candidates), every.candidates_not_listed) == (30, 0)


def step(**detail: Any) -> Step:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    return Step("t", 0, 0, "draft", began, took_ms=617.28, detail=detail)


def test_what_a_run_took_is_added_up_and_an_unknown_price_stays_unknown() -> None:
    tokens = {"input_tokens": 10, "output_tokens": 3, "other": 9}
    called = step(calls=2, tokens=tokens, cost_usd=0.1, uncounted=0)
    assert usage_of([step(), called, called]).model_dump() == {
        "calls": 4, "tokens": 26, "cost_usd": 0.2, "seconds": 1.85
    }  # fmt: skip
    unknown = step(calls=1, tokens={}, cost_usd=None, uncounted=1)
    assert usage_of([called, unknown]).cost_usd is None


def size(fix: Fix) -> int:
    return len(fix.model_dump_json().encode())


def test_a_usual_answer_has_about_two_kilobytes() -> None:
    run = "8f14e45fceea167a"
    asked = Asked(run=run, thread=run, photo="sha256:" + 64 * "0")
    long = "1 of 16 similar photos was taken within 1 km of Paris, Île-de-France, France; it alone"
    fields = {**LOCATED, "reasons": [Reason.of(Code.VOTES, f"{long} has 98% of the votes")] * 2}
    others = [candidate(rank, 0.05, distance_km=876.0, **AWAY) for rank in range(2, 6)]
    fix = answer({**fields, "candidates": [CANDIDATES[0], *others]}, asked)
    assert 1500 < size(fix) < 2500
    assert 250 < len(fix.to_text()) < 450


def said(text: str) -> DraftsSaid:
    """What a model said that never stops, and the pictures of as many candidates as may be."""
    shown = {"gallery": text, "source": text, "external_id": text}
    by: dict[str, Any] = {"model": text, "draft": 20}
    return DraftsSaid(
        clues=[SaidClue(kind="vegetation", observation=text, **by)] * 20,
        hypotheses=[SaidHypothesis(hypothesis=text, **by)] * 20,
        pictures=[ShownPicture(candidate=number, **shown) for number in range(1, 9)],
    )


def test_what_models_said_and_were_shown_is_in_the_answer() -> None:
    fix = answer({**LOCATED, "said": said("a dome")})
    assert (len(fix.clues), len(fix.hypotheses), len(fix.pictures_shown)) == (6, 4, 8)
    long = answer({**LOCATED, "said": said("a dome " * 1000)})
    assert (len(long.clues), size(long) < MOST_BYTES) == (6, True)
    assert fix.clues[0].model_dump() == {
        "kind": "vegetation", "observation": "a dome", "draft": 20, "model": "a dome"
    }  # fmt: skip
    assert fix.hypotheses[0].hypothesis == "a dome"
    assert (fix.pictures_shown[7].candidate, fix.pictures_shown[7].photo) == (8, "a dome")
    before = json.loads(fix.model_dump_json())
    for added in ("clues", "hypotheses", "pictures_shown"):
        del before[added]
    assert Fix.read(before).clues == []


@pytest.mark.parametrize("sign", ["x", '"', "\U0001f600", "\u202e"])
def test_a_hostile_gallery_cannot_make_the_answer_long(sign: str) -> None:
    text = sign * 10_000
    reason = Reason.of(Code.OTHER, text)
    photo = Evidence(
        **PARIS, similarity=-0.123456, distance_km=19999.9, gallery=text, source=text,
        external_id=text, licence=text, attribution=text,
    )  # fmt: skip
    place = Place(name=text, admin=text, country=text, country_code=text, label=text)
    claim = {
        "claim": CLAIMED["claim"].model_copy(update={"camera": text, "taken_at": text}),
        "claim_check": CLAIMED["claim_check"].model_copy(update={"reason": text}),
    }
    fields = {
        **CALIBRATED, **claim, "place": place, "drafted_by": text,
        "evidence": [photo] * MOST_EVIDENCE,
        "candidates": [
            candidate(rank, 0.9, place=text, vetoed=reason, distance_km=19999.9)
            for rank in range(1, 201)
        ],
        "reasons": [reason] * 100, "degraded": [reason] * 99, "photo_notes": [text],
        "said": said(text),
        "known_photos": [
            KnownPhoto(kind="exact", **PARIS, gallery=text, source=text, external_id=text)
        ] * MOST_KNOWN,
    }  # fmt: skip
    named = dict.fromkeys(("run", "thread", "parent_run"), "r" * 200)
    fix = answer(fields, ASKED.model_copy(update=named))
    assert size(fix) < MOST_BYTES == 10_000
    assert len(fix.candidates) + fix.candidates_not_listed == 200
    assert fix.reasons[-1].text == "and 93 more, which the run's trail has"
    assert fix.evidence[0].photo.endswith("…")
    # Escapes must not be cut in the middle of nowhere, nor be let through.
    assert fix.model_dump_json().isprintable()
    assert len(fix.to_text()) < 900
    json.dumps(fix.to_geojson(), allow_nan=False)


@settings(max_examples=50, deadline=None)
@given(
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    radius_km=st.floats(0.001, 20_015.2),
)
def test_rounding_keeps_coordinates_on_the_earth_and_radii_no_smaller(
    latitude: float, longitude: float, radius_km: float
) -> None:
    there = {"latitude": latitude, "longitude": longitude}
    fields = {**LOCATED, **there, "radius_km": radius_km, "candidates": [], "evidence": []}
    fix = answer(fields)
    assert fix.position is not None and fix.radius_km is not None
    assert math.isclose(fix.position.latitude, latitude, abs_tol=5.001e-6)
    assert math.isclose(fix.position.longitude, longitude, abs_tol=5.001e-6)
    assert radius_km - 1e-8 <= fix.radius_km <= radius_km + 0.001
    text = fix.model_dump_json()
    assert "-0.0," not in text and Fix.read(text) == fix
