"""An answer as a few sentences: true beside the table, and without what no model may be told."""

from __future__ import annotations

from typing import Any

import pytest

from geofix.agent.answer import Code, KnownPhoto, Reason
from geofix.agent.fix import Fix
from tests.unit.agent.fix.test_present import ABSTAINED, AWAY, LOCATED, answer, candidate

CHOSE = Reason.of(Code.PERSON_CHOSE, "Jane Doe chose Paris, Île-de-France, France")
UNSURE = Reason.of(Code.AMBIGUOUS, "geofix by itself was not sure: undecided between A and B")


def known(kind: Any, latitude: float) -> KnownPhoto:
    return KnownPhoto(
        kind=kind, latitude=latitude, longitude=18.4, gallery="g", source="s", external_id="1"
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (Code.PERSON_CHOSE_NONE, "No answer (person_chose_none): a person chose none"),
        (Code.REGION_GIVEN, "The region to search was given."),
        (Code.HINT_GIVEN, "A person gave a hint."),
    ],
)
def test_who_decided_is_told_to_no_model(code: Code, said: str) -> None:
    reasons = [Reason.of(code, "Jane Doe chose, gave or asked for something")]
    stopped = code.use == "abstention"
    fix = answer({**(ABSTAINED if stopped else LOCATED), "reasons": reasons})
    assert said in fix.to_text() and "Jane" not in fix.to_text()
    assert "Jane" in fix.model_dump_json()
    # None of the candidates is right: none is named as the next.
    assert ("Berlin" in fix.to_text()) is not stopped


def test_a_choice_that_the_evidence_contradicts_says_so() -> None:
    (mine,) = LOCATED["evidence"]
    away = {"latitude": 52.5, "longitude": 13.4, "distance_km": 876.0, "external_id": "b"}
    evidence = [mine, mine.model_copy(update=away)]
    fix = answer({**LOCATED, "reasons": [CHOSE, UNSURE], "evidence": evidence})
    text = fix.to_text()
    chose = ". A person chose Paris, Île-de-France, France."
    assert f"{chose} geofix by itself was not sure: undecided between" in text
    assert " 1 of 2 photos of the evidence contradicts it. Next: 2. Berlin" in text
    assert "contradict" not in answer({**LOCATED, "reasons": [CHOSE]}).to_text()
    # Where the radius allows no name, the place that was chosen has one all the same.
    wide = answer({**LOCATED, "reasons": [CHOSE], "radius_km": 2500.0, "place": None}).to_text()
    assert "A person chose Paris, Île-de-France, France." in wide and "Jane" not in wide


def test_every_sentence_begins_with_a_capital() -> None:
    reasons = [Reason.of(Code.VOTES, "photos agree")]
    fix = answer({**LOCATED, "place": None, "reasons": reasons})
    assert fix.to_text().startswith("No named place, 48.8867, 2.3431; reach")
    assert " Photos agree. " in fix.to_text()
    long = Reason.of(Code.UNLIKE_GALLERY, "x" * 200)
    for cut in (LOCATED, ABSTAINED):
        assert "x… " in answer({**cut, "reasons": [long]}).to_text()


def test_without_an_answer_no_candidate_is_the_next_and_none_is_passed_over() -> None:
    places = [candidate(rank, 0.1, **AWAY) for rank in range(1, 8)]
    for status in ("abstained", "waiting"):
        text = answer({"status": status, "candidates": places}).to_text()
        assert "Candidates: 1. Berlin, Germany (score 0.10); 2. " in text
        assert "; 4. Berlin, Germany (score 0.10); and 3 more." in text
        assert "Next" not in text
    (alone,) = answer({**ABSTAINED, "candidates": places[:1]}).candidates
    assert alone.rank == 1
    assert "Candidate: 1. Berlin" in answer({**ABSTAINED, "candidates": places[:1]}).to_text()


def test_galleries_that_disagree_about_the_photo_are_all_told() -> None:
    photos = [known("exact", -33.9), known("exact", 48.8), known("near_copy", -33.9)]
    text = answer({**LOCATED, "known_photos": photos}).to_text()
    assert "This exact file is in a gallery at -33.90000, 18.40000. This" in text
    assert "This exact file is in another gallery at 48.80000, 18.40000. What" in text
    assert "What looks like a copy of this photo is in another gallery at -33.90000" in text
    agreed = answer({**LOCATED, "known_photos": [known("exact", 48.8)] * 2}).to_text()
    assert agreed.count("This exact file") == 1


def test_where_the_photo_is_known_is_on_the_map() -> None:
    fix = answer({**LOCATED, "known_photos": [known("exact", -33.9)]})
    last = fix.to_geojson()["features"][-1]
    assert last["properties"]["role"] == "known_photo"
    assert last["geometry"]["coordinates"] == [18.4, -33.9]
    assert _roles(answer(LOCATED)) == ["radius", "fix", "candidate", "candidate", "evidence"]


def _roles(fix: Fix) -> list[str]:
    return [one["properties"]["role"] for one in fix.to_geojson()["features"]]
