"""Words, digits and evidence that fit what is known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofix.agent.answer import Code, Place, Reason, format_coordinates
from geofix.agent.fix.evidence import evidence_to_compare, evidence_within, own_reach_km
from geofix.agent.fix.forms import headline, label_of
from geofix.agent.fix.naming import place_of_all, place_within
from geofix.agent.fix.present import present
from geofix.agent.state import Asked, Candidate, Settled
from geofix.agent.verify.candidates import NOWHERE_KM
from geofix.tools.geo.distance import haversine_km
from tests.unit.agent.candidate import candidate
from tests.unit.agent.hits import BERLIN, PARIS, SUVA, hit, retrieval

MUNICH = (48.13701, 11.57506)


@pytest.mark.parametrize(
    ("radius_km", "text"),
    [
        (0.0, "48.13701, 11.57506"),
        (0.01, "48.13701, 11.57506"),
        (1.0, "48.1370, 11.5751"),
        (25.0, "48.14, 11.58"),
        (504.0, "48.1, 11.6"),
        (9923.0, "48, 12"),
        (20_037.0, "48, 12"),
    ],
)
def test_digits_fit_the_radius(radius_km: float, text: str) -> None:
    assert format_coordinates(*MUNICH, radius_km=radius_km) == text


@given(st.floats(-89, 89), st.floats(-180, 180), st.floats(0.01, 2000))
def test_what_is_left_out_is_a_small_part_of_the_radius(
    latitude: float, longitude: float, radius_km: float
) -> None:
    shown = format_coordinates(latitude, longitude, radius_km=radius_km)
    assert "-0," not in shown
    off_km = haversine_km(latitude, longitude, *map(float, shown.split(", ")))
    assert off_km <= max(0.1 * radius_km, 0.001)


@pytest.mark.parametrize(
    ("radius_km", "label", "parts"),
    [
        (1.0, "Munich, Bavaria, Germany", ("Munich", "Bavaria", "Germany", "DE")),
        (25.0, "Munich, Bavaria, Germany", ("Munich", "Bavaria", "Germany", "DE")),
        (25.1, "Bavaria, Germany", (None, "Bavaria", "Germany", "DE")),
        (200.1, "Germany", (None, None, "Germany", "DE")),
        (750.1, "Europe", (None, None, None, None)),
    ],
)
def test_the_name_is_no_finer_than_the_radius(
    radius_km: float, label: str, parts: tuple[str | None, ...]
) -> None:
    place = place_within(*MUNICH, radius_km)
    assert place is not None and place.label == label
    assert (place.name, place.admin, place.country, place.country_code) == parts


def test_beyond_a_continent_there_are_coordinates_alone() -> None:
    assert place_within(*MUNICH, 2500.1) is None
    nowhere = _fix(radius_km=9923.0)
    assert label_of(nowhere) is None
    assert nowhere.to_text().startswith("48, 12; reach of the evidence: 9,923 km")
    # At sea there is no name either, and that is said.
    assert label_of(_fix(radius_km=1.0)) == "no named place"
    assert label_of(_fix(radius_km=1.0, place=Place(label="Munich"))) == "Munich"


@pytest.mark.parametrize(
    ("radius_km", "label"),
    [(25.0, "Munich, Bavaria, Germany"), (504.0, "Germany"), (2000.0, "Europe"), (9923.0, None)],
)
def test_an_answer_that_was_stored_with_a_city_has_no_finer_name_either(
    radius_km: float, label: str | None
) -> None:
    fix = _fix(radius_km=radius_km, place=place_within(*MUNICH, 1.0))
    assert (None if fix.place is None else fix.place.label) == label


def test_against_a_chosen_draft_speaks_every_photo_of_another_place() -> None:
    # Its radius is a convention, and holds all of Europe.
    drafted = of((50.09, 14.42), 0.1, rank=1, photos=0, radius_km=2500.0)
    found = evidence_within(drafted, 2500.0, FOUND)
    chose = Reason.of(Code.PERSON_CHOSE, "a person chose Prague")
    for photos, contradicts in ((0, ["c1"]), (1, [])):
        places = [drafted.model_copy(update={"photos": photos})]
        fix = _fix(candidates=places, radius_km=2500.0, evidence=found, reasons=[chose])
        assert [one.contradicts for one in fix.evidence] == [contradicts] * 5


SALZBURG, NUREMBERG, APIA = (47.8, 13.04), (49.45, 11.08), (-13.83, -171.76)


@pytest.mark.parametrize(
    ("others", "label"),
    [
        ([], "Bavaria, Germany"),
        ([NUREMBERG], "Bavaria, Germany"),
        ([BERLIN], "Germany"),
        ([NUREMBERG, SALZBURG], "Europe"),
        ([APIA], None),
        ([(0.0, -30.0)], None),
    ],
)
def test_the_name_of_a_guess_holds_for_every_place_that_it_may_be(
    others: list[tuple[float, float]], label: str | None
) -> None:
    place = place_of_all([MUNICH, *others], 120.0)
    assert (None if place is None else place.label) == label


def test_a_guess_without_a_common_name_is_not_called_nameless() -> None:
    guess = Reason.of(Code.BEST_GUESS, "a guess: undecided between Munich and Apia")
    assert label_of(_fix(radius_km=500.0, degraded=[guess])) is None


@pytest.mark.parametrize(
    ("more", "contradicts"),
    [
        # A calibrated radius can be smaller than the reach of what the answer rests on.
        ({}, []),
        ({"reasons": [Reason.of(Code.PERSON_CHOSE, "a person chose Munich")]}, ["c1"]),
        ({"degraded": [Reason.of(Code.BEST_GUESS, "a guess: undecided")]}, ["c1"]),
    ],
)
def test_a_photo_contradicts_only_what_a_person_chose_or_a_guess(
    more: dict[str, Any], contradicts: list[str]
) -> None:
    answer = of(MUNICH, 0.5, rank=1)
    away = [one for one in evidence_within(answer, 900.0, FOUND) if one.distance_km > 400]
    fix = _fix(candidates=[answer], radius_km=1.0, evidence=away, **more)
    assert [one.contradicts for one in fix.evidence] == [contradicts] * len(away) != []


def _fix(**fields: Any) -> Any:
    latitude, longitude = MUNICH
    settled = Settled(status="located", latitude=latitude, longitude=longitude, **fields)
    return present(settled, Asked(run="r", thread="r", photo="sha256:0"))


def test_the_headline_says_why_there_is_no_answer() -> None:
    tie, earlier = "undecided between A and B", "A leads B by only 0.00"
    assert _headline("ambiguous", tie) == "Undecided between A and B"
    assert _headline("ambiguous", earlier) == f"No answer: {earlier}"
    assert _headline("all_excluded", "in the sea") == "No answer: in the sea"


def test_the_file_name_of_a_gallery_photo_is_told_to_no_model() -> None:
    reasons = [
        Reason.of(Code.UNLIKE_GALLERY, "no photo is similar enough"),
        Reason.of(Code.RARITY, "the best match from here, home.jpg of the gallery mine, has 0.3"),
        Reason.of(Code.VOTES, "2 of 16"),
    ]
    settled = Settled(status="abstained", reasons=reasons)
    fix = present(settled, Asked(run="r", thread="r", photo="sha256:0"))
    assert "home.jpg" in fix.reasons[0].text
    assert fix.to_text() == (
        "No answer (unlike_gallery): no photo is similar enough. 2 of 16. Run r."
    )


def _headline(code: str, text: str) -> str:
    settled = Settled(status="abstained", reasons=[{"code": code, "text": text}])
    abstention = present(settled, Asked(run="r", thread="r", photo="sha256:0")).abstention
    assert abstention is not None
    return headline(abstention)


HITS = [
    hit((PARIS[0] + 0.05, PARIS[1]), 0.9, photo_id=1, accuracy_km=0.5),
    hit(PARIS, 0.5, photo_id=2),
    hit(BERLIN, 0.8, photo_id=3),
    hit(BERLIN, 0.7, photo_id=4),
    hit(BERLIN, 0.6, photo_id=5),
    hit(SUVA, 0.4, photo_id=6),
]
FOUND = [retrieval(HITS)]


def of(place: tuple[float, float], score: float, **fields: Any) -> Candidate:
    return candidate(place, score, scale_km=NOWHERE_KM).model_copy(update=fields)


def test_a_place_that_is_known_nowhere_has_the_reach_of_its_own_photos() -> None:
    assert own_reach_km(of(PARIS, 0.3), FOUND) == pytest.approx(0.05 * 111.2 + 0.5, abs=0.01)
    assert own_reach_km(of(SUVA, 0.3), FOUND) == 1.0
    # One that only a draft names keeps its own.
    assert own_reach_km(of((0.0, 0.0), 0.3, radius_km=2500.0, photos=0), FOUND) == 2500.0
    assert own_reach_km(of(PARIS, 0.3, radius_km=1.0), FOUND) == 1.0


def test_the_best_two_photos_of_the_leading_places_are_compared() -> None:
    places = [of(BERLIN, 0.4), of(PARIS, 0.3), of(SUVA, 0.01), of((0, 0), 0.3, photos=0)]
    shown = evidence_to_compare(places, FOUND)
    assert [one.external_id for one in shown] == ["1", "3", "4", "2"]
    assert [round(one.distance_km) for one in shown] == [873, 0, 0, 876]
    assert evidence_to_compare([], FOUND) == []
    # Where there is no room for two of each, each has one.
    three = [of(BERLIN, 0.4), of(PARIS, 0.3), of(SUVA, 0.2)]
    more = retrieval([*HITS, hit(SUVA, 0.95, photo_id=7)])
    found = [one.external_id for one in evidence_to_compare(three, [more])]
    assert found == ["7", "1", "3", "4", "2"]


def test_only_photos_of_other_candidates_speak_against_an_answer() -> None:
    paris, berlin, suva = of(PARIS, 0.3), of(BERLIN, 0.4), of(SUVA, 0.01)
    alone = evidence_within(paris, 6.0, FOUND)
    assert [one.external_id for one in alone] == ["1", "2"]
    against = evidence_within(paris, 6.0, FOUND, [berlin, suva])
    assert [one.external_id for one in against] == ["1", "3", "4", "2"]
    # Within its reach no photo contradicts it.
    assert len(evidence_within(paris, 900.0, FOUND, [berlin, suva])) == 5
