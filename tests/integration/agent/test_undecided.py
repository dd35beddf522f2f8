"""Two places that score the same: no city is announced, and a person gets something to compare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from geofix import Agent, Fix, Settings, open_agent
from geofix.agent.services import Services
from geofix.db.load.ingest import GeotaggedPhoto
from tests.fakes import ColorEncoder

RED = (220, 40, 45)
MUNICH, BERLIN, FRANKFURT = (48.1371, 11.5751), (52.5208, 13.4094), (50.1109, 8.6821)

OPEN: dict[str, Any] = {"impostor_share": 1.0, "reject_scenes": False}
"""Photos of one color show no place, and are answered all the same."""


def gallery(services: Services) -> None:
    photos, vectors = [], []

    def add(name: str, place: tuple[float, float], color: tuple[int, int, int]) -> None:
        photos.append(GeotaggedPhoto("folder", name, *place, country="DE"))
        vectors.append(np.array(color, np.float32) - 127.5)

    for number in range(4):
        for name, (latitude, longitude), green in (("munich", MUNICH, 60), ("berlin", BERLIN, 20)):
            at = latitude + 0.0005 * number, longitude + 0.0005 * number
            add(f"{name}/IMG_{number}.jpg", at, (215 + number, green, 45))
    add("frankfurt/IMG_0.jpg", FRANKFURT, (215, 24, 45))
    for number in range(12):
        add(f"far {number}", (-30.0 + number, 25.0 + 2 * number), (30, 60 + 10 * number, 200))
    unit = np.array([vector / np.linalg.norm(vector) for vector in vectors], np.float32)
    services.ingest.add("mine", "color", photos, unit)
    services.ingest.finish("color")


@pytest.fixture(scope="module")
def agent(shared_database_url: str) -> Iterator[Agent]:
    settings = Settings(database_url=shared_database_url)
    with Services(settings) as services:
        gallery(services)
    with open_agent(settings, encoder=ColorEncoder()) as opened:
        yield opened


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "red.png"
    Image.new("RGB", (64, 64), RED).save(path)
    return path


def names(fix: Fix) -> list[tuple[str, list[str], list[str]]]:
    return [(one.photo.split("/")[0], one.supports, one.contradicts) for one in fix.evidence]


BETWEEN = "ndecided between Berlin and Munich (505 km apart)"


def test_no_city_is_announced(agent: Agent, red: Path) -> None:
    fix = agent.locate(red, **OPEN)
    assert (fix.status, fix.position) == ("abstained", None)
    assert fix.abstention is not None and fix.abstention.code == "ambiguous"
    assert fix.to_text().startswith(f"U{BETWEEN}: no answer (ambiguous).")
    # Both are within the scale at which the first is known.
    first, second, *_ = agent.explain(fix.run).candidates
    assert second.distance_km < first.scale_km == 750


def test_a_guess_is_marked_and_names_no_city(agent: Agent, red: Path) -> None:
    fix = agent.locate(red, **OPEN, best_guess=True)
    assert fix.position is not None and fix.place is not None
    assert (fix.place.label, fix.place.name, fix.place.country_code) == ("Germany", None, "DE")
    assert fix.position.radius_m == pytest.approx(505_500, abs=500)
    # The contract keeps five decimals, and what people read does not.
    assert round(fix.position.latitude, 1) != fix.position.latitude
    assert fix.to_text().startswith("A guess: Germany, 52.5, 13.4; reach of the evidence: 506 km")
    radius, point, other, *_ = fix.to_geojson()["features"]
    assert (radius["properties"]["role"], point["properties"]["role"]) == ("radius", "fix")
    assert point["properties"]["label"] == "Germany"
    assert other["properties"]["label"] == "Munich, Bavaria, Germany"
    guess = next(one for one in fix.warnings if one.code == "best_guess")
    assert guess.text == f"a guess: u{BETWEEN}"


def test_a_guess_reaches_every_place_that_it_is_not_ahead_of(agent: Agent, red: Path) -> None:
    fix = agent.locate(red, **OPEN, best_guess=True, accept_margin=1.0)
    settled = agent.explain(fix.run)
    first, *others = settled.candidates
    farthest_km = max(one.distance_km for one in others)
    assert settled.radius_km == pytest.approx(farthest_km, abs=1.001)
    assert settled.radius_km > farthest_km > 9000 > first.radius_km
    # Nor do the rival's own photos lie a few meters beyond.
    assert [one.contradicts for one in fix.evidence] == [[]] * len(fix.evidence)
    assert fix.place is None
    assert fix.to_text().startswith("A guess: 53, 13; reach of the evidence: 9,")


def test_a_person_who_is_asked_has_photos_of_both_to_compare(agent: Agent, red: Path) -> None:
    fix = agent.locate(red, **OPEN, pause="unsure")
    assert fix.status == "waiting"
    assert sorted(names(fix)) == [
        *[("berlin", ["c1"], [])] * 2,
        ("frankfurt", ["c3"], []),
        *[("munich", ["c2"], [])] * 2,
    ]
    step = agent.services.trail.read(fix.run).steps[-1]
    asked = step.detail["question"]["evidence"]
    assert [one["supports"] for one in asked] == [
        [int(one.supports[0][1:])] for one in fix.evidence
    ]
    assert {one["gallery"] for one in asked} == {"mine"}


def test_a_pick_reaches_as_far_as_its_own_photos_and_others_contradict_it(
    agent: Agent, red: Path
) -> None:
    waiting = agent.locate(red, **OPEN, pause="unsure")
    fix = agent.answer(waiting.run, {"rank": 2}, by="Jane")
    assert [(one.code, one.text) for one in fix.reasons] == [
        ("person_chose", "Jane chose Munich, Bavaria, Germany"),
        ("ambiguous", f"geofix by itself was not sure: u{BETWEEN}"),
    ]
    assert "Jane" not in fix.to_text()
    assert "2 of 5 photos of the evidence contradict it." in fix.to_text()
    assert fix.place is not None and fix.place.name == "Munich"
    assert fix.radius_km == 1.0
    assert sorted(names(fix)) == [
        ("berlin", ["c2"], ["c1"]),
        ("frankfurt", ["c3"], ["c1"]),
        *[("munich", ["c1"], [])] * 3,
    ]


@pytest.mark.parametrize(("best_guess", "status"), [(False, "abstained"), (True, "located")])
def test_to_go_on_is_to_abstain_or_to_guess(
    agent: Agent, red: Path, best_guess: bool, status: str
) -> None:
    waiting = agent.locate(red, **OPEN, pause="unsure", best_guess=best_guess)
    assert waiting.question is not None
    assert waiting.question.proposes.action == ("accept" if best_guess else "abstain")
    fix = agent.answer(waiting.run, "go_on")
    assert fix.status == status
    assert ("best_guess" in [one.code for one in fix.warnings]) is best_guess


def test_the_photo_that_matches_best_is_named_to_people_and_to_no_model(
    agent: Agent, red: Path
) -> None:
    for options in ({}, {"best_guess": True}, {"pause": "unsure"}, {"impostor_share": 0.001}):
        fix = agent.locate(red, **OPEN | options)
        named = [one.text for one in fix.reasons if one.code == "rarity"]
        assert named and "berlin/IMG_3.jpg of the gallery mine" in named[0]
        assert "IMG" not in fix.to_text()
