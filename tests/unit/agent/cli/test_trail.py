"""The last line of a trail, and of a run in the list: the answer as it was given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from geofix.agent.answer import Code, Place, Reason
from geofix.agent.cli.trail import _end
from geofix.agent.fix.naming import place_within
from geofix.agent.state import Settled
from geofix.db.runs import Run

MUNICH = (48.13701, 11.57506)
GUESS = Reason.of(Code.BEST_GUESS, "a guess: undecided between Munich and Berlin")
CITY = place_within(*MUNICH, 1.0)


def ended(**fields: Any) -> str:
    settled = Settled(
        status="located", latitude=MUNICH[0], longitude=MUNICH[1], **fields
    ).model_dump(mode="json")
    return _end(cast(Run, SimpleNamespace(settled=settled)))


@pytest.mark.parametrize(
    ("radius_km", "place", "degraded", "said"),
    [
        (1.0, CITY, [], "Munich, Bavaria, Germany (48.1370, 11.5751)"),
        (504.0, Place(label="Germany"), [GUESS], "a guess: Germany (48.1, 11.6)"),
        # As earlier versions stored it.
        (504.0, CITY, [], "Germany (48.1, 11.6)"),
        (9923.0, CITY, [], "48, 12"),
        (9923.0, None, [GUESS], "a guess: 48, 12"),
        (1.0, None, [], "48.1370, 11.5751"),
    ],
)
def test_a_guess_is_called_one_and_no_name_is_finer_than_the_radius(
    radius_km: float, place: Place | None, degraded: list[Reason], said: str
) -> None:
    assert ended(radius_km=radius_km, place=place, degraded=degraded) == said


def test_what_earlier_versions_stored_as_a_text_is_no_guess() -> None:
    settled = {"status": "located", "place": None, "latitude": 1.0, "longitude": 2.0}
    settled |= {"radius_km": 1.0, "degraded": ["draft: failed"]}
    assert _end(cast(Run, SimpleNamespace(settled=settled))) == "1.0000, 2.0000"
