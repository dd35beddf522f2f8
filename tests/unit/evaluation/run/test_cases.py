"""Cases are kept whole, and made once."""

from __future__ import annotations

from pathlib import Path

from geofix.agent.state import Draft, Hit, Retrieval
from geofix.evaluation.calibrate.cases import Case, digest_of, kept_cases
from geofix.tools.geometry import GeometricMatch


def case(photo: str = "a") -> Case:
    hit = Hit(
        photo_id=7,
        latitude=1,
        longitude=2,
        similarity=0.5,
        gallery="g",
        source="s",
        external_id="x",
    )
    return Case(
        photo=photo,
        latitude=1.5,
        longitude=-2.5,
        group="here",
        retrieval=Retrieval(round=0, region=None, positives=[hit], negatives=[], searched=9),
        drafts=[
            Draft(round=0, drafted_by="consensus", latitude=1, longitude=2),
            Draft(round=0, drafted_by="simulated:model", latitude=3, longitude=4),
        ],
        matches={7: GeometricMatch(30, 60, "fundamental", 0.5, 0.25)},
        densities=[(1.0, 2.0, 12)],
    )


def test_cases_are_made_once_and_read_as_they_were(tmp_path: Path) -> None:
    made = []

    def make() -> list[Case]:
        made.append(1)
        return [case("a"), case("b")]

    first = kept_cases(tmp_path, "one key", make)
    assert kept_cases(tmp_path, "one key", make) == first == [case("a"), case("b")]
    assert len(made) == 1
    kept_cases(tmp_path, "another key", make)
    assert len(made) == 2


def test_the_consensus_is_no_models_draft() -> None:
    assert [draft.drafted_by for draft in case().model_drafts] == ["simulated:model"]


def test_the_digest_is_of_what_is_in_them_whatever_their_order() -> None:
    assert digest_of([case("a"), case("b")]) == digest_of([case("b"), case("a")])
    moved = case("b").model_copy(update={"latitude": 1.6})
    assert digest_of([case("a"), moved]) != digest_of([case("a"), case("b")])
