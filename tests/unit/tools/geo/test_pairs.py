"""The one pair of coordinates in a text: in every usual form, and never guessed."""

from __future__ import annotations

import time

import pytest

from geofix.tools.geo.pairs import MOST_READ, only_pair

LUND = (55.7012, 13.1931)

FORMS = [
    "55.7012, 13.1931",
    "55.7012,13.1931.",
    "(55.7012, 13.1931)",
    "[55.7012; 13.1931]",
    "55.7012 13.1931",
    "+55.7012 +13.1931",
    "55,7012; 13,1931",
    "55,7012 N 13,1931 E",
    "N 55.7012, E 13.1931",
    "55.7012° N, 13.1931° E",
    "13.1931° E, 55.7012° N",
    "55.7012 degrees north, 13.1931 degrees east",
    "$55.7012^\\circ$ N, $13.1931^\\circ$ E",
    "Latitude: 55.7012\nLongitude: 13.1931",
    "**Latitude:** 55.7012° N  \n**Longitude:** 13.1931° E",
    "| Latitude | 55.7012 |\n| Longitude | 13.1931 |",
    "Longitude: 13.1931, Latitude: 55.7012",
    "The latitude is approximately 55.7012 and the longitude is about 13.1931.",
    "{'latitude': 55.7012, 'longitude': 13.1931}",
    "lat=55.7012&lon=13.1931",
    "https://www.google.com/maps?q=55.7012,13.1931",
    "\\boxed{55.7012, 13.1931}",
    "In 2021, 3.5 km from Lund: 55.7012, 13.1931, and again (55.7012, 13.1931).",
    "55.7012, 13.1931, or 55°42'4.3\"N 13°11'35.2\"E",
]


@pytest.mark.parametrize("text", FORMS)
def test_a_pair_is_read_in_every_usual_form(text: str) -> None:
    assert only_pair(text) == pytest.approx(LUND)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("55°42'4\"N 13°11'35\"E", (55.70111, 13.19306)),
        (
            "55° 42\N{PRIME} 4\N{DOUBLE PRIME} N, 13° 11\N{PRIME} 35\N{DOUBLE PRIME} E",
            (55.70111, 13.19306),
        ),
        ("S 33°52'10\", E 151°12'30\"", (-33.86944, 151.20833)),
        ("33.8688° S, 70.6693° W", (-33.8688, -70.6693)),
        ("(\N{MINUS SIGN}33.8688, 151.2093)", (-33.8688, 151.2093)),
        ("\N{EN DASH}33.8688, 151.2093", (-33.8688, 151.2093)),
        ("\N{NON-BREAKING HYPHEN}33.8688, 151.2093", (-33.8688, 151.2093)),
        ("40.7128, \N{EN DASH} 74.0060", (40.7128, -74.006)),
        ("Lund - 55.7012 N, 13.1931 E", LUND),
        ("Latitude, longitude: 55.7012, 13.1931", LUND),
        ("It is candidate 1 at 55.70, 13.19, that is 55.7012, 13.1931", LUND),
        ("The location is Lund (55.70, 13.19).", (55.7, 13.19)),
        ("Not sure, but not from Paris but from Lund: 55.7012, 13.1931", LUND),
        ("0.5, 32.5", (0.5, 32.5)),
    ],
)
def test_degrees_and_directions_are_read(text: str, read: tuple[float, float]) -> None:
    assert only_pair(text) == pytest.approx(read, abs=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "Lund, Sweden",
        "55.7012",
        "55.70, 13.19 or 48.85, 2.35",
        "55.7012, 13.1931 or 55.7112, 13.1931",
        "similarities 0.91, 0.52",
        "[12.5, 40.2, 60.1, 80.9]",
        "48.8566, 2.3522, 0.9",
        "(12,340),(45,600)",
        "(120, 340)",
        '<point x="48.3" y="22.1">',
        "3.5 km, 2.5 km away",
        "f/2.8, 1/60 s",
        "95.5, 13.1",
        "version 1.2.3, 4.5.6",
        "latitude: 2.3429 E, longitude: 48.8861 N",
        "-33.87 S, 151.2 E",
        "55.7 N, 60.1 N",
        # A dash with space behind it may divide words, and begin an item of a list.
        "- 55.7012, 13.1931",
        "Lund \N{EM DASH} 55.7012, 13.1931",
        "Latitude - 55.7012\nLongitude - 13.1931",
        # Prices, times, scores and sizes.
        "It costs 12.50, 13.99 at most.",
        "at 9.30, 10.45 the train leaves",
        "rated 4.5, 120.5 reviews a month",
        "29.970, 59.940 fps",
        "12,345 67,890 people",
        # Ranges.
        "5.5-6.5, 7.5-8.5",
        "between 40.5 and 60.5 N, 13.1 E",
        "40.5 N - 45.5 N, 5.5 E - 6.5 E",
        "from 55.7012, 13.1931 to 55.9012, 13.3931",
        # Places that are named to be denied, or to show a form.
        "It is not Lund (55.7012, 13.1931).",
        "Candidate 1: 55.7012, 13.1931 is wrong.",
        "I cannot tell; answers such as 12.3456, 45.6789 would be made up",
        # One of the two is told well enough to be read alone.
        "Candidates: 1. 48.89, 2.34; 2. 48.44780, 1.48770. The best is candidate 1 at 48.89, 2.34.",
        "- 48.8867, 2.3431\n* 55.7012, 13.1931",
        "POINT(13.1931 55.7012)",
        "",
    ],
)
def test_what_has_no_single_meaning_is_not_read(text: str) -> None:
    assert only_pair(text) is None


def test_the_end_of_a_long_text_is_read_in_time_that_grows_with_it() -> None:
    assert only_pair("word " * MOST_READ + FORMS[0]) == pytest.approx(LUND)
    cut = "word 1" + FORMS[0].ljust(MOST_READ, ".")
    assert only_pair(cut) is None, "the cut goes through a number"
    began = time.monotonic()
    for part in ("1,", "1.1 ", "lat ", "9", "N", "° '", "1°1'", "-", "lat: is ", "1.1, "):
        only_pair(part * MOST_READ)
    assert time.monotonic() - began < 5
