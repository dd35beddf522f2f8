"""What retrieve says of a search: how many, of which kind, among how many, and what was missing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from geofix.agent.answer import Code
from geofix.agent.context import Context
from geofix.agent.nodes.retrieve import retrieve
from geofix.agent.regions import circle, parse_region
from geofix.agent.run.recording import Outcome
from geofix.agent.run.search_report import SearchReport
from geofix.agent.services import Services
from geofix.agent.state import Asked, Region, Retrieval, State
from geofix.db.search.query import Found, How, Neighbour, Search
from geofix.tools.geo.distance import HALF_CIRCUMFERENCE_KM, haversine_km
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
        return self._answer("far" if search.outside else "near", k, search)

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
    leader, paris, berlin = search.outside
    assert (leader.latitude, leader.longitude) == pytest.approx(PARIS, abs=0.01)
    assert [area.radius_km for area in search.outside] == pytest.approx([300, 25, 25])
    assert [area.latitude for area in (paris, berlin)] == pytest.approx([PARIS[0], BERLIN[0]])
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


LEON = (42.6, -5.57)
ROAD = [
    neighbour(at, (LEON[0], LEON[1] + 0.2 * (at // 2) + 0.012 * (at % 2)), 0.5) for at in range(24)
]
"""Two photos 1 km apart every 16 km along a road: one place of 180 km."""

DATELINE = [neighbour(1, (-17.0, 179.99), 0.9), neighbour(2, (-17.0, -179.99), 0.8)]
POLE = [neighbour(1, (89.95, 0.0), 0.9), neighbour(2, (89.95, 180.0), 0.8)]


@pytest.mark.parametrize("near", [NEAR, ROAD, DATELINE, POLE])
@pytest.mark.parametrize("apart_km", [0.0, 1.0, 25.0, 20_000.0])
def test_negatives_keep_their_distance_from_every_similar_photo(
    near: list[Neighbour], apart_km: float
) -> None:
    gallery = ScriptedGallery(near, FAR)
    context = Context(positives=len(near), negatives=2, negatives_apart_km=apart_km)
    retrieved(gallery, context)
    (_, _, positives), (_, _, negatives) = gallery.asked
    assert positives.outside == ()
    circles = [
        (area.latitude or 0.0, area.longitude or 0.0, area.radius_km or 0.0)
        for area in negatives.outside
    ]
    if not apart_km:
        assert circles == []
        return
    radii_km = [radius_km for _, _, radius_km in circles]
    for hit in near:
        # One circle holds all that is so near this photo.
        margins_km = [
            radius_km - haversine_km(hit.latitude, hit.longitude, latitude, longitude)
            for latitude, longitude, radius_km in circles
        ]
        assert max(margins_km) >= apart_km - 1e-6 or max(radii_km) == HALF_CIRCUMFERENCE_KM
    assert max(radii_km) <= 2 * apart_km
    assert len(circles) <= len(near) + 1
    if apart_km == 25:
        assert len(circles) == {3: 2, 24: 13, 2: 1}[len(near)]


@pytest.mark.parametrize(
    ("found", "said"),
    [([], "0 were found: all lie within 25 km"), (FAR[1:2], "1 were found: all others lie within")],
)
def test_a_note_says_that_photos_near_candidates_are_no_negatives(
    found: list[Neighbour], said: str
) -> None:
    _, retrieval = retrieved(ScriptedGallery(NEAR, found))
    (note,) = [note for note in retrieval.notes if "dissimilar" in note]
    assert said in note and "of a place of the similar photos" in note
    papers = Context(positives=3, negatives=3, negatives_apart_km=0)
    _, retrieval = retrieved(ScriptedGallery(NEAR, found), papers)
    (note,) = [note for note in retrieval.notes if "dissimilar" in note]
    assert "lie within" not in note


def test_negatives_that_contradict_positives_are_told() -> None:
    beside = neighbour(7, (PARIS[0] + 0.1, PARIS[1]), -0.3)
    outcome, _ = retrieved(ScriptedGallery(NEAR, [*FAR[1:], beside]))
    (reason,) = outcome.degraded
    assert reason.code == Code.NEGATIVES_CONTRADICT
    assert reason.text.startswith("retrieve: 1 of 3 dissimilar photos were taken within 25 km of")
    outcome, _ = retrieved(ScriptedGallery(NEAR, FAR[1:]))
    assert outcome.degraded == ()


@pytest.mark.parametrize(
    ("vectors", "negatives", "sent"),
    [("centred", None, "centred"), ("centred", "raw", "raw"), ("raw", "centred", "centred")],
)
def test_negatives_can_be_sought_among_other_vectors(
    vectors: Any, negatives: Any, sent: str
) -> None:
    for kind in ("dissimilar", "far"):
        gallery = ScriptedGallery(NEAR, FAR)
        options = {"vectors": vectors, "negatives_vectors": negatives, "negatives_by": kind}
        retrieved(gallery, Context(positives=3, negatives=2, **options))
        assert [search.vectors for _, _, search in gallery.asked] == [vectors, sent]


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
