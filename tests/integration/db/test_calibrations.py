from __future__ import annotations

import pytest
from sqlalchemy import Engine

from geofix.db.errors import DatabaseError
from geofix.db.stores import Calibrations


@pytest.fixture
def calibrations(engine: Engine) -> Calibrations:
    return Calibrations(engine)


def document(photos: int) -> dict[str, object]:
    return {"photos": photos, "digest": "ab" * 32, "errors": [0.1, 1e-300, 19999.123456789]}


def test_the_newest_of_a_set_up_is_found(calibrations: Calibrations) -> None:
    assert calibrations.latest("e", ()) is None
    calibrations.save("e", (), "consensus", document(1))
    newer = calibrations.save("e", (), "consensus", document(2))
    calibrations.save("other", (), "consensus", document(3))
    calibrations.save("e", ("g",), "consensus", document(4))
    found = calibrations.latest("e", (), "consensus")
    assert found is not None
    assert (found.id, found.photos, found.galleries) == (newer, 2, ())
    assert calibrations.document(found.id) == document(2)


def test_galleries_are_a_set(calibrations: Calibrations) -> None:
    calibrations.save("e", ("b", "a"), "consensus", document(1))
    found = calibrations.latest("e", ["a", "b"])
    assert found is not None and found.galleries == ("a", "b")
    assert calibrations.latest("e", ["a"]) is None
    assert calibrations.latest("e", []) is None


def test_a_drafter_has_its_own(calibrations: Calibrations) -> None:
    first = calibrations.save("e", (), "consensus", document(1))
    second = calibrations.save("e", (), "openai:x", document(2))
    for drafter, expected in (("consensus", first), ("openai:x", second), (None, second)):
        found = calibrations.latest("e", (), drafter)
        assert found is not None and found.id == expected
    assert calibrations.latest("e", (), "openai:y") is None


def test_all_are_kept_and_listed_newest_first(calibrations: Calibrations) -> None:
    ids = [calibrations.save("e", (), "consensus", document(photos)) for photos in (5, 6)]
    assert [one.id for one in calibrations.list()] == ids[::-1]
    assert calibrations.document(ids[0]) == document(5)
    assert calibrations.document(99) is None


def test_a_document_with_a_number_json_has_not_is_refused(calibrations: Calibrations) -> None:
    with pytest.raises(DatabaseError):
        calibrations.save("e", (), "consensus", {**document(1), "radius": float("nan")})
    assert calibrations.latest("e", ()) is None
