"""A box as a region: what it is called, what it holds, and what of it is searched."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from geofix.agent.errors import RegionError
from geofix.agent.regions import allows, box, circle, holds, parse_region, search_areas
from geofix.agent.state import Region
from tests.unit.agent.hits import BERLIN, PARIS, SUVA

FIJI = parse_region("-20,176,-15,-178")
ILE_DE_FRANCE = parse_region(" 48.1 , 1.4,4.93e1, +3.6 ")
VANUA_BALAVU, NOUMEA = (-17.2, -178.9), (-22.3, 166.5)


def test_four_numbers_are_a_box() -> None:
    assert box(48.1, 1.4, 49.3, 3.6) == ILE_DE_FRANCE
    assert ILE_DE_FRANCE.box == (48.1, 1.4, 49.3, 3.6)
    assert ILE_DE_FRANCE.name == "the box from 48.1000, 1.4000 to 49.3000, 3.6000"
    assert FIJI.name == "the box from -20.0000, 176.0000 to -15.0000, -178.0000 across the" + (
        " antimeridian"
    )
    assert FIJI.country_code is FIJI.latitude is FIJI.radius_km is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-15,176,-20,-178", r"the south -15\.0 is not less than the north -20\.0"),
        ("1,2,1,4", r"the south 1\.0 is not less than the north 1\.0"),
        ("1,2,3,2", r"between the west 2\.0 and the east 2\.0"),
        ("-91,2,3,4", r"latitude -91\.0"),
        ("139.6,35.5,139.9,35.8", "the two may be swapped"),
        ("1,2,3,181", r"longitude 181\.0"),
        ("1,nan,3,4", "longitude nan"),
    ],
)
def test_a_box_that_is_none_says_why(text: str, reason: str) -> None:
    with pytest.raises(RegionError, match=reason):
        parse_region(text)


def test_a_corner_off_the_earth_is_refused_when_put_together_by_hand() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 90"):
        Region(box=(1, 2, 91, 4), name="here")


def test_a_box_is_frozen_hashable_and_comes_back_from_json() -> None:
    back = Region.model_validate_json(FIJI.model_dump_json())
    assert back == FIJI and hash(back) == hash(FIJI)
    assert Region(**FIJI.model_dump(mode="json")) == FIJI
    with pytest.raises(ValidationError, match="frozen"):
        FIJI.name = "elsewhere"


@pytest.mark.parametrize(
    ("place", "held"),
    [(SUVA, True), (VANUA_BALAVU, True), (NOUMEA, False), ((-17.0, 0.0), False), (PARIS, False)],
)
def test_a_box_holds_both_sides_of_the_antimeridian_and_no_more(
    place: tuple[float, float], held: bool
) -> None:
    assert holds(FIJI, *place) is held
    assert allows(FIJI, *place) is held


def test_an_answer_has_to_lie_in_the_country_and_in_the_box() -> None:
    corner = ILE_DE_FRANCE.model_copy(update={"country_code": "FR"})
    assert allows(corner, *PARIS)
    assert not allows(corner, 43.3, 5.4)
    europe = box(40, -5, 60, 20).model_copy(update={"country_code": "FR"})
    assert allows(europe, *PARIS) and not allows(europe, *BERLIN)
    alsace = circle(48.6, 7.8, 50).model_copy(update={"country_code": "FR"})
    assert not allows(alsace, *PARIS)
    (area,) = search_areas(None, corner)
    assert (area.country, area.boxes) == ("FR", ((48.1, 1.4, 49.3, 3.6),))


def test_a_country_is_no_shape_that_holds_points() -> None:
    with pytest.raises(RegionError, match="'France' has no circle and no box"):
        holds(parse_region("France"), *PARIS)


def test_a_box_across_the_antimeridian_is_searched_as_two() -> None:
    (area,) = search_areas(FIJI, FIJI)
    assert area.boxes == ((-20, 176, -15, 180), (-20, -180, -15, -178))
    assert area.country is area.radius_km is None


def test_a_finer_round_stays_inside_the_box() -> None:
    inside, finer = search_areas(FIJI, circle(*SUVA, 25))
    assert len(inside.boxes) == 2 and inside.radius_km is None
    assert finer.radius_km == 25
