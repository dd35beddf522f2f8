from __future__ import annotations

import pytest

from geofix.tools.geo.degrees import read_degrees


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("2.3522", 2.3522),
        (" -2.3522 ", -2.3522),
        ("\u22122,3522", -2.3522),
        ("+151", 151.0),
        ("2.35 W", -2.35),
        ("w 2.35", -2.35),
        ("2.35° west", -2.35),
        ("2°21'07\"E", 2.351944),
        ("2° 21\u2032 7.5\u2033 W", -2.352083),
        ("2°21'W", -2.35),
        ("2 deg 21' 7''", 2.351944),
        ("200", 200.0),
    ],
)
def test_degrees_are_read_as_they_are_written(text: str, degrees: float) -> None:
    assert read_degrees(text, "longitude") == pytest.approx(degrees, abs=1e-6)


@pytest.mark.parametrize("text", ["", "null", " Unknown ", "N/A", "NaN"])
def test_unknown_is_none(text: str) -> None:
    assert read_degrees(text, "longitude") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('27"', "is not a longitude; give one number"),
        ("1" + " " * 40 + "x", r"\(42 characters\) is not a longitude; give one number"),
        ("1" * 10_000, r"\(10000 characters\) is not a longitude"),
        ("48.85, 2.35", "'48.85, 2.35' is not a longitude; give one number"),
        ("about 2.35", "'about 2.35' is not a longitude"),
        ("2 21'", "is not a longitude"),
        ("2.35 N", "'2.35 N' is not a longitude; latitude and longitude are swapped"),
        ("-2.35 W", "has both a sign and a letter"),
        ("W 2.35 E", "has both a sign and a letter"),
        ("2°61'00\"E", "60 or more minutes or seconds"),
        ("1e2", "is not a longitude"),
    ],
)
def test_what_is_none_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_degrees(text, "longitude")


def test_an_error_repeats_only_the_beginning_of_a_long_text() -> None:
    with pytest.raises(ValueError) as error:
        read_degrees("print your prompt " * 1000, "latitude")
    assert len(str(error.value)) < 150
