"""What retrieve says of a search: how many, of which kind, among how many, and what was missing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from geofix.agent.context import Context
from geofix.agent.nodes.retrieve import retrieve
from geofix.agent.regions import circle, parse_region
from geofix.agent.run.recording import Outcome
from geofix.agent.run.search_report import SearchReport
from geofix.agent.services import Services
from geofix.agent.state import Asked, Region, Retrieval, State
from geofix.db.search.query import Found, How, Neighbour, Search
from tests.unit.agent.hits import BERLIN, CHARTRES, PARIS, SUVA


def neighbour(photo_id: int, place: tuple[float, float], similarity: float) -> Neighbour:
    return Neighbour(
        photo_id, similarity, *place, 0.0, None, "test", "test", str(photo_id), None, None, None
    )


class ScriptedGallery:
    """Finds what the test says, and keeps what it was asked."""

    def __init__(self, near: list[Neighbour], far: list[Neighbour], **fields: Any) -> None:
        self._found = {"near": near, "far": far}
        self._fields = fields
        self.asked: list[tuple[str, int, Search]] = []

    def require(self, search: Search) -> None:
        pass

    def centring(self, encoder: str) -> None:
        return None

    def nearest(self, query: Any, k: int, search: Search) -> Found:
        return self._answer("near" if search.outside is None else "far", k, search)

    def most_dissimilar(self, query: Any, k: int, search: Search) -> Found:
        return self._answer("far", k, search)

    def _answer(self, which: str, k: int, search: Search) -> Found:
        self.asked.append((which, k, search))
        way = How("here", "index", 1000, ef_search=200, index="full")
        south = How("south", "exact", 234, unindexed=True, note="too few came back")
        photos = tuple(self._found[which][:k])
        return Found(photos, **{"how": (way, south), **self._fields})


NEAR = [neighbour(1, PARIS, 0.9), neighbour(2, PARIS, 0.8), neighbour(3, BERLIN, 0.3)]
FAR = [neighbour(3, BERLIN, 0.3), neighbour(4, SUVA, 0.2), neighbour(5, CHARTRES, 0.1)]


def retrieved(
    gallery: ScriptedGallery,
    context: Context | None = None,
    within: Region | None = None,
    **fields: Any,
) -> tuple[Outcome, Retrieval]:
    queries = SimpleNamespace(vector=lambda sha256, encoder: np.array([1.0, 0.0], np.float32))
    services = cast(Services, SimpleNamespace(gallery=gallery, queries=queries))
    state = State(asked=Asked(within=within), encoder="e", **fields)
    outcome = retrieve(state, context or Context(positives=3, negatives=3), services)
    *_, found = outcome.update["retrievals"]
    assert isinstance(found, Retrieval)
    return outcome, found


def test_both_searches_are_told_server_by_server() -> None:
    outcome, found = retrieved(ScriptedGallery(NEAR, FAR))
    here = {"server": "here", "way": "index", "rows": 1000, "ef_search": 200, "index": "full"}
    south = {"server": "south", "way": "exact", "rows": 234, "unindexed": True}
    assert found.how == [
        SearchReport.model_validate(
            {"kind": kind, **part, "note": part.get("unindexed") and "too few came back"}
        )
        for kind in ("positives", "negatives")
        for part in (here, south)
    ]
    assert outcome.detail["how"][0]["ef_search"] == 200
    assert found.searched == 1234
    assert outcome.degraded == ()


@pytest.mark.parametrize(
    ("negatives_by", "said"),
    [
        ("dissimilar", "3 similar and 2 dissimilar of 1234 photos anywhere (index and exact)"),
        ("far", "3 similar and 2 other far-away of 1234 photos anywhere (index and exact)"),
        ("none", "3 similar of 1234 photos anywhere (index and exact)"),
    ],
)
def test_one_line_tells_the_kind_and_the_way(negatives_by: Any, said: str) -> None:
    context = Context(positives=3, negatives=3, negatives_by=negatives_by)
    outcome, found = retrieved(ScriptedGallery(NEAR, FAR), context)
    assert outcome.summary == said + ", best 0.90"
    assert found.negatives_by == negatives_by


@pytest.mark.parametrize(
    "fields",
    [
        {"region": circle(*PARIS, 25, "Paris")},
        {"within": circle(*PARIS, 25, "Paris")},
        {"region": circle(*PARIS, 25, "Paris"), "within": parse_region("France")},
    ],
)
def test_in_a_region_the_count_is_about_and_the_region_is_named(fields: dict[str, Any]) -> None:
    outcome, _ = retrieved(ScriptedGallery(NEAR, FAR), **fields)
    assert "of about 1234 photos in Paris (" in outcome.summary


def test_far_ones_are_sought_around_the_leading_place_and_are_others_than_the_positives() -> None:
    gallery = ScriptedGallery(NEAR, FAR)
    context = Context(positives=3, negatives=2, negatives_by="far", far_km=300)
    _, found = retrieved(gallery, context)
    _, (_, asked, search) = gallery.asked
    assert search.outside is not None
    assert (search.outside.latitude, search.outside.longitude) == pytest.approx(PARIS, abs=0.01)
    assert search.outside.radius_km == 300
    assert [hit.photo_id for hit in found.negatives] == [4, 5]
    assert asked == 5
    assert found.notes == [
        "the gallery has too few photos to center vectors, so they were compared raw"
    ]


def test_far_ones_need_a_leading_place() -> None:
    gallery = ScriptedGallery([], FAR)
    _, found = retrieved(gallery, Context(positives=3, negatives=3, negatives_by="far"))
    assert [which for which, _, _ in gallery.asked] == ["near"]
    assert found.negatives == []
    assert "3 other far-away photos were asked for, 0 were found" in found.notes


def test_fewer_than_asked_says_why_and_never_that_no_more_exist() -> None:
    leaks = {"author": (7, 8), "near": (8, 9)}
    gallery = ScriptedGallery(NEAR[:1], [], left_out=leaks)
    _, found = retrieved(gallery)
    reasons = "(left out: 3 as leaks: author, near)"
    assert f"3 similar photos were asked for, 1 were found {reasons}" in found.notes
    assert found.left_out == {"author": [7, 8], "near": [8, 9]}


@pytest.mark.parametrize("options", [{"negatives_by": "none"}, {"negatives": 0}])
def test_where_no_negative_is_wanted_none_is_sought_or_missed(options: dict[str, Any]) -> None:
    gallery = ScriptedGallery(NEAR, FAR)
    _, found = retrieved(gallery, Context(positives=3, **options))
    assert [which for which, _, _ in gallery.asked] == ["near"]
    assert [report.kind for report in found.how] == ["positives"] * 2
    assert not any("asked for" in note for note in found.notes)


def test_a_note_says_what_was_left_out() -> None:
    how = How("here", "exact", 9, asked=3, found=2, twins=4, own=1, removed=2)
    gallery = ScriptedGallery(NEAR[:2], FAR, how=(how,))
    _, found = retrieved(gallery)
    assert found.notes[0] == (
        "3 similar photos were asked for, 2 were found (left out: 4 of pictures found already,"
        " 1 of the photo itself, 2 removed)"
    )
    assert (found.how[0].twins, found.how[0].own, found.how[0].removed) == (4, 1, 2)


def test_what_a_run_asks_of_the_search_reaches_it() -> None:
    gallery = ScriptedGallery(NEAR, FAR)
    retrieved(gallery, Context(exact=True, vectors="raw", galleries=("a",)))
    assert len(gallery.asked) == 2
    for _, _, search in gallery.asked:
        assert search.exact
        assert (search.vectors, search.galleries) == ("raw", ("a",))
