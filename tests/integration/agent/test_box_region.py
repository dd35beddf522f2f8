"""A box across the antimeridian as the region asked: rounds, checkpoints, trail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from PIL import Image

from geofix import Agent, Region, Settings, open_agent
from geofix.agent.errors import RegionError
from geofix.agent.regions import box, holds
from geofix.agent.services import Services
from geofix.agent.state import Settled
from geofix.db.engine import conninfo
from geofix.db.load.ingest import GeotaggedPhoto
from geofix.db.runs import Step
from tests.fakes import ColorEncoder
from tests.integration.explained import explained, resumed

RED = (220, 40, 40)
BOX = "-18,179,-16,-179"
INSIDE = [(-17.0, 179.9), (-16.4, 179.3), (-17.6, 179.4), (-16.5, -179.4), (-17.5, -179.3)]
OUTSIDE = [(-17.0, 178.8), (-17.0, -178.7), (-15.8, 179.9), (-18.2, 179.9), (-17.0, 0.0)]
"""Redder than those inside, and but for the last no farther from them than they from each other."""

ASKED: dict[str, Any] = {
    "accept_margin": 0.0,
    "impostor_share": 1.0,
    "max_rounds": 3,
    "reject_scenes": False,
}


@pytest.fixture
def fiji(services: Services) -> Iterator[Agent]:
    """Red photos on both sides of the antimeridian and around the box, blue ones in France."""
    france = [(48.0 + i, 2.0 + i) for i in range(-3, 4)]
    places = [*INSIDE, *OUTSIDE, *france]
    colors = np.array(
        [(215, 44 + i, 40) for i in range(5)] + [RED] * 5 + [(30, 60 + i, 200) for i in range(7)]
    )
    vectors = colors.astype(np.float32) - 127.5
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    photos = [GeotaggedPhoto("test", str(i), *place) for i, place in enumerate(places)]
    services.ingest.add("test", "color", photos, vectors)
    services.ingest.finish("color")
    settings = Settings(database_url=services.settings.database_url)
    with open_agent(settings, encoder=ColorEncoder()) as opened:
        yield opened


@pytest.fixture
def red_photo(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    Image.new("RGB", (64, 64), RED).save(path)
    return path


def searches(agent: Agent, fix: Settled) -> list[Step]:
    return [s for s in agent.services.trail.read(fix.run or "").steps if s.node == "retrieve"]


def found(step: Step) -> set[int]:
    return {int(hit["external_id"]) for hit in step.detail["positives"]}


def test_every_round_finds_what_is_inside_on_both_sides_and_nothing_else(
    fiji: Agent, red_photo: Path
) -> None:
    fix = explained(fiji, red_photo, within=BOX, **ASKED)
    first, *finer = searches(fiji, fix)
    assert found(first) == set(range(5))
    assert finer and all(found(step) <= set(range(5)) for step in finer)
    assert any(found(step) for step in finer)
    assert fix.status == "located"
    assert fix.latitude is not None and fix.longitude is not None
    asked = box(-18, 179, -16, -179)
    assert holds(asked, fix.latitude, fix.longitude)
    assert {candidate.photos for candidate in fix.candidates} != {0}
    # Without the box the redder ones around it are found, so the box was what kept them out.
    assert found(searches(fiji, explained(fiji, red_photo, **ASKED))[0]) > set(range(5, 10))


def test_the_trail_says_which_box_was_searched(fiji: Agent, red_photo: Path) -> None:
    fix = explained(fiji, red_photo, within=BOX, **ASKED)
    run = fiji.services.trail.read(fix.run or "")
    assert run.question["within"]["box"] == [-18, 179, -16, -179]
    step = searches(fiji, fix)[0]
    assert step.detail["region"]["box"] == [-18, 179, -16, -179]
    name = "the box from -18.0000, 179.0000 to -16.0000, -179.0000 across the antimeridian"
    assert f" photos in {name} (" in step.summary


def test_the_box_the_other_way_round_holds_the_others(fiji: Agent, red_photo: Path) -> None:
    fix = explained(fiji, red_photo, within="-18,-179,-16,179", **ASKED)
    assert found(searches(fiji, fix)[0]) == {5, 6, 9}


def test_a_box_without_photos_abstains(fiji: Agent, red_photo: Path) -> None:
    nowhere = explained(fiji, red_photo, within="60,170,70,-170", **ASKED)
    assert nowhere.status == "abstained"
    assert nowhere.reasons[0].code == "no_photo_found"


def test_a_box_comes_back_from_the_checkpoints_and_from_the_kept_question(
    fiji: Agent, red_photo: Path
) -> None:
    fix = explained(fiji, red_photo, within=BOX, run_id="case-1", **ASKED)
    history = fiji.graph.get_state_history({"configurable": {"thread_id": "case-1"}})
    regions = {state.values.get("within") for state in history} - {None}
    assert regions == {box(-18, 179, -16, -179)}
    assert resumed(fiji, "case-1") == fix
    assert explained(fiji, red_photo, within=BOX, run_id="case-1", **ASKED) == fix


def test_a_question_kept_before_there_were_boxes_is_the_same_question(
    fiji: Agent, red_photo: Path
) -> None:
    asked: dict[str, Any] = {"within": "-17,179.9,200", "run_id": "case-1", **ASKED}
    fix = explained(fiji, red_photo, **asked)
    with psycopg.connect(conninfo(fiji.services.settings.database_url or "")) as connection:
        done = connection.execute("update runs set question = question #- '{within,box}'")
        assert done.rowcount == 1
    assert "box" not in fiji.services.trail.read("case-1").question["within"]
    assert explained(fiji, red_photo, **asked) == fix


@pytest.mark.parametrize(
    ("within", "reason"),
    [
        ("-16,179,-18,-179", r"the south -16\.0 is not less than the north -18\.0"),
        (Region(box=(-16, 179, -18, -179), name="Fiji"), r"the south -16\.0"),
        (7, r"within cannot be 7; write LAT,LON,KM .* SOUTH,WEST,NORTH,EAST"),
    ],
)
def test_what_is_no_box_leaves_no_run(
    fiji: Agent, red_photo: Path, within: Any, reason: str
) -> None:
    with pytest.raises(RegionError, match=reason):
        explained(fiji, red_photo, within=within)
    assert fiji.services.trail.latest() == []
