"""Every feature keeps its range, whatever a round holds; and says what it is meant to say."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geofix.agent.draft.provenance import Clue
from geofix.agent.state import Candidate, Draft, Hit
from geofix.agent.verify.candidates import PooledPlace, pool_candidates
from geofix.agent.verify.evidence import FEATURES, features_of
from geofix.agent.verify.observed import Observed
from geofix.agent.verify.spots import SPOT_FEATURES, spots_of
from geofix.tools.geo.distance import EARTH_RADIUS_KM, haversine_km
from geofix.tools.geometry import GeometricMatch
from geofix.tools.statistics.clusters import cluster_at_scales, vote_weights
from tests.unit.agent.choosing import chosen, drafted
from tests.unit.agent.hits import BERLIN, PARIS, SUVA, hit, retrieval

shares = st.floats(0, 1)
points = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
# Near enough to be of the place or not, at each of the scales.
around_paris = st.floats(-5, 5).map(lambda degrees: (PARIS[0] + degrees**3 / 50, PARIS[1]))
hits = st.builds(
    hit,
    st.one_of(points, st.sampled_from([PARIS, BERLIN, SUVA]), around_paris),
    st.floats(-1, 1),
    impostor_share=st.one_of(st.none(), shares),
    accuracy_km=st.sampled_from([0.0, 25.0]),
    photo_id=st.integers(0, 20),
)
matches = st.builds(
    GeometricMatch,
    inliers=st.integers(0, 20_000),
    matches=st.integers(0, 20_000),
    model=st.just("fundamental"),
    inlier_share=shares,
    coverage=shares,
)
drafts = st.builds(drafted, points, st.one_of(st.none(), shares))
observations = st.builds(
    Observed,
    retrieval=st.builds(retrieval, st.lists(hits, max_size=12), st.lists(hits, max_size=5)),
    drafts=st.lists(drafts, max_size=4),
    matches=st.dictionaries(st.integers(0, 20), matches),
    density=st.one_of(
        st.none(), st.integers(0, 10**8).map(lambda n: lambda lat, lon: np.full(len(lat), n))
    ),
    photos_in_gallery=st.one_of(st.none(), st.integers(1, 10**8)),
    image_place=st.dictionaries(points, st.floats(-1, 1), max_size=3),
    scene=st.sampled_from([None, "outdoors", "food"]),
)


@settings(max_examples=60, deadline=None)
@given(observations)
def test_every_feature_is_in_its_range(observed: Observed) -> None:
    pooled = pool_candidates(observed.retrieval.positives, observed.drafts, 0.05)
    for place in pooled:
        (parts,) = features_of([place], observed)
        for feature in FEATURES:
            value = parts[feature.name]
            assert math.isfinite(value), feature.name
            assert feature.low <= value <= feature.high + 1e-9, (feature.name, value)
        for spot in spots_of(place.candidate, observed):
            assert spot.parts.keys() == SPOT_FEATURES.keys()
            for name, (_, low, high) in SPOT_FEATURES.items():
                assert low <= spot.parts[name] <= high + 1e-9, (name, spot.parts[name])


def parts_of(observed: Observed) -> dict[str, dict[str, float]]:
    pooled = pool_candidates(observed.retrieval.positives, observed.drafts, 0.05)
    names = {49: "paris", 53: "berlin", -18: "suva"}
    features = features_of(pooled, observed)
    return {
        names[round(place.candidate.latitude)]: parts
        for place, parts in zip(pooled, features, strict=True)
    }


def seen(**known: Any) -> dict[str, dict[str, float]]:
    found = retrieval([hit(PARIS, 0.8, photo_id=1), hit(BERLIN, 0.5, photo_id=2)])
    return parts_of(Observed(retrieval=found, drafts=known.pop("drafts", []), **known))


def test_rank_and_margin_are_of_the_places_best_photo() -> None:
    parts = seen()
    assert [parts[place]["rank"] for place in ("paris", "berlin")] == [1.0, 0.5]
    assert parts["paris"]["margin"] == pytest.approx(0.3)
    assert parts["berlin"]["margin"] == pytest.approx(-0.3)


def test_a_sparse_place_is_credited_for_its_sparseness() -> None:
    def density(latitudes: NDArray[Any], longitudes: NDArray[Any]) -> NDArray[np.int64]:
        return np.where(latitudes < 50, 1000, 10)

    found = retrieval([hit(PARIS, 0.6, photo_id=1), hit(BERLIN, 0.6, photo_id=2)])
    parts = parts_of(
        Observed(retrieval=found, drafts=[], density=density, photos_in_gallery=10_000)
    )
    apart = parts["berlin"]["votes_over_density"] - parts["paris"]["votes_over_density"]
    assert apart == pytest.approx(2.0)


def test_photos_of_one_author_are_one_and_those_of_no_known_author_none() -> None:
    by = [(PARIS, "ann"), (PARIS, "ann"), (PARIS, "bo"), (PARIS, None), (BERLIN, None)]
    found = [
        hit(place, 0.5, photo_id=at).model_copy(update={"author": author})
        for at, (place, author) in enumerate(by)
    ]
    parts = parts_of(Observed(retrieval=retrieval(found), drafts=[]))
    assert parts["paris"]["authors"] == pytest.approx(math.log(3))
    assert parts["berlin"]["authors"] == 0.0


def test_no_inliers_and_no_picture_are_told_apart() -> None:
    parts = seen(matches={1: GeometricMatch(0, 0, "none", 0.0, 0.0)})
    assert [parts[place]["inliers"] for place in ("paris", "berlin")] == [0.0, 0.0]
    assert [parts[place]["not_compared"] for place in ("paris", "berlin")] == [0.0, 1.0]
    assert parts["paris"]["inliers_lead"] == 0.0


def said(text: str, **more: Any) -> Draft:
    return drafted(PARIS).model_copy(update={"hypotheses": [text], **more})


@pytest.mark.parametrize(
    ("text", "paris", "berlin"),
    [
        ("This may be Germany or Austria", -1.0, 0.0),
        ("a street in France", 1.0, -1.0),
        ("a street", 0.0, 0.0),
        ("turkey on a plate in no land", 0.0, 0.0),
    ],
)
def test_countries_named_speak_for_their_places(text: str, paris: float, berlin: float) -> None:
    parts = seen(drafts=[said(text)])
    assert parts["paris"]["clue_country"] == paris
    assert parts["berlin"]["clue_country"] == berlin


def test_clues_are_read_but_not_of_drafts_that_agree_with_a_list() -> None:
    clue = Clue(observation="plates as in Germany")
    assert seen(drafts=[said("a town", clues=[clue])])["berlin"]["clue_country"] == 1.0
    copy = said("a town in Germany", agrees_with="candidate 1")
    assert seen(drafts=[copy])["berlin"]["clue_country"] == 0.0


def test_samples_that_agree_are_told_from_one_alone() -> None:
    assert seen(drafts=[drafted(PARIS)])["paris"]["drafts_together"] == 0.0
    both = seen(drafts=[drafted(PARIS), drafted(PARIS), drafted(SUVA)])
    assert both["paris"]["drafts_together"] == pytest.approx(2 / 3)
    assert both["paris"]["drafts_here"] == pytest.approx(2 / 3)


def test_an_image_place_model_is_asked_by_the_candidates_coordinates() -> None:
    found = retrieval([hit(PARIS, 0.8, photo_id=1), hit(BERLIN, 0.5, photo_id=2)])
    pooled = pool_candidates(found.positives, [], 0.05)
    places = [place.candidate for place in pooled]
    at = {(c.latitude, c.longitude): 0.1 * (1 + i) for i, c in enumerate(places)}
    parts = seen(image_place=at)
    assert parts["paris"]["image_place_lead"] == pytest.approx(-0.1)
    assert parts["berlin"]["image_place"] == pytest.approx(0.2)


def apart(candidate: Candidate, place: Any) -> float:
    """Return the haversine distance by plain arithmetic."""
    a, b = math.radians(candidate.latitude), math.radians(place.latitude)
    turned = math.radians(place.longitude - candidate.longitude)
    h = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(turned / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.atan2(math.sqrt(h), math.sqrt(max(0.0, 1 - h)))


def one_by_one(place: PooledPlace, observed: Observed) -> dict[str, float]:
    """Return features of one place as they are defined, photo by photo."""
    candidate = place.candidate
    positives, compared = observed.retrieval.positives, observed.matches
    mine = [one for one in positives if apart(candidate, one) <= 25]
    others = [one for one in positives if apart(candidate, one) > 25]
    best = max((one.similarity for one in mine), default=0.0)
    pictures = [compared[one.photo_id] for one in mine if one.photo_id in compared]
    beyond = [compared[one.photo_id].inliers for one in others if one.photo_id in compared]
    first = max(pictures, key=lambda match: match.inliers, default=None)
    most = 0 if first is None else first.inliers
    lead = math.log1p(most) - math.log1p(max(beyond)) if pictures and beyond else 0.0
    earlier = [c.score for c in observed.before if c.vetoed is None and apart(candidate, c) <= 25]
    negatives = [one for one in observed.negatives if apart(candidate, one) <= 25]
    said = [one for one in observed.drafts if one.agrees_with is None]
    heard = {
        km: sum(apart(candidate, one) <= km for one in said) / max(1, len(observed.drafts))
        for km in (25, 200)
    }
    there = max(candidate.photos, DENSITY) / (observed.photos_in_gallery or 1)
    votes = max(1e-3, place.shares[25.0])
    times = math.log10(votes / min(1.0, there)) if candidate.photos else 0.0
    known = observed.photos_in_gallery is not None
    return {
        "rank": 1 / (1 + sum(one.similarity > best for one in positives)) if mine else 0.0,
        "margin": best - max(one.similarity for one in others) if mine and others else 0.0,
        "contradiction": len(negatives) / max(1, len(observed.negatives)),
        "survived": min(1.0, max(earlier, default=0.0)),
        "drafts_here": heard[25],
        "drafts_in_region": heard[200],
        "inliers": min(10_000.0, most),
        "inlier_share": 0.0 if first is None else first.inlier_share,
        "inlier_coverage": 0.0 if first is None else first.coverage,
        "inliers_lead": max(-10.0, min(10.0, lead)),
        "not_compared": float(not pictures),
        "photos_there": min(9.0, math.log10(1 + DENSITY)) if known else 0.0,
        "votes_over_density": max(-4.0, min(4.0, times)) if known else 0.0,
    }


DENSITY = 1234


@settings(max_examples=60, deadline=None)
@given(observations, st.lists(hits, max_size=6), st.sampled_from([None, 1, 10**6]))
def test_features_of_all_candidates_at_once_are_those_of_each(
    observed: Observed, earlier: list[Hit], photos: int | None
) -> None:
    observed = replace(
        observed,
        before=chosen(earlier),
        density=None if photos is None else lambda lat, lon: np.full(len(lat), DENSITY),
        photos_in_gallery=photos,
    )
    pooled = pool_candidates(observed.retrieval.positives, observed.drafts, 0.05)
    for place, parts in zip(pooled, features_of(pooled, observed), strict=True):
        expected = one_by_one(place, observed)
        assert {name: parts[name] for name in expected} == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(hits, min_size=1, max_size=12))
def test_a_place_is_pooled_as_its_photos_say_one_by_one(found: list[Hit]) -> None:
    weights = vote_weights([one.similarity for one in found], 0.05)
    places = [one.latitude for one in found], [one.longitude for one in found]
    scales = {scale.scale_km: scale for scale in cluster_at_scales(*places)}

    def around(best: int, scale_km: float) -> list[int]:
        members = scales[scale_km].members(best).tolist()
        return [at for at in members if between(found[best], found[at]) <= scale_km]

    def expected(candidate: Candidate, best: int) -> tuple[float, float]:
        known = candidate.scale_km
        reach = around(best, known) if known in scales else range(len(found))
        share = sum(weights[at] for at in around(best, 25.0))
        far = max(apart(candidate, found[at]) + found[at].accuracy_km for at in reach)
        return share, max(1.0, far)

    for place in pool_candidates(found, [], 0.05):
        candidate = place.candidate
        # Of photos that are equally alike any may be the best.
        alike = [at for at, one in enumerate(found) if one.similarity == candidate.best_similarity]
        pooled = place.shares[25.0], candidate.radius_km
        assert any(pooled == pytest.approx(expected(candidate, at), abs=1e-6) for at in alike)


def between(one: Hit, other: Hit) -> float:
    return float(haversine_km(one.latitude, one.longitude, other.latitude, other.longitude))
