"""Every feature keeps its range, whatever a round holds; and says what it is meant to say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geofix.agent.candidates import pool_candidates
from geofix.agent.choice.features import FEATURES, features_of
from geofix.agent.choice.observed import Observed
from geofix.agent.choice.spot_features import SPOT_FEATURES
from geofix.agent.choice.spots import spots_of
from geofix.agent.state import Clue, Draft
from geofix.tools.geometry.geometric_match import GeometricMatch
from tests.unit.agent.chosen import drafted
from tests.unit.agent.hits import BERLIN, PARIS, SUVA, hit, retrieval

shares = st.floats(0, 1)
points = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
hits = st.builds(
    hit,
    st.one_of(points, st.sampled_from([PARIS, BERLIN, SUVA])),
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
    for candidate in pooled:
        (parts,) = features_of([candidate], observed)
        for feature in FEATURES:
            value = parts[feature.name]
            assert math.isfinite(value), feature.name
            assert feature.low <= value <= feature.high + 1e-9, (feature.name, value)
        for spot in spots_of(candidate, observed):
            assert spot.parts.keys() == SPOT_FEATURES.keys()
            for name, (_, low, high) in SPOT_FEATURES.items():
                assert low <= spot.parts[name] <= high + 1e-9, (name, spot.parts[name])


def parts_of(observed: Observed) -> dict[str, dict[str, float]]:
    pooled = pool_candidates(observed.retrieval.positives, observed.drafts, 0.05)
    names = {49: "paris", 53: "berlin", -18: "suva"}
    features = features_of(pooled, observed)
    return {names[round(c.latitude)]: parts for c, parts in zip(pooled, features, strict=True)}


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


def test_clues_are_read_and_copies_are_not_heard() -> None:
    clue = Clue(observation="plates as in Germany")
    assert seen(drafts=[said("a town", clues=[clue])])["berlin"]["clue_country"] == 1.0
    copy = said("a town in Germany", copied_from="candidate 1")
    assert seen(drafts=[copy])["berlin"]["clue_country"] == 0.0


def test_samples_that_agree_are_told_from_one_alone() -> None:
    assert seen(drafts=[drafted(PARIS)])["paris"]["drafts_together"] == 0.0
    both = seen(drafts=[drafted(PARIS), drafted(PARIS), drafted(SUVA)])
    assert both["paris"]["drafts_together"] == pytest.approx(2 / 3)
    assert both["paris"]["drafts_here"] == pytest.approx(2 / 3)


def test_an_image_place_model_is_asked_by_the_candidates_coordinates() -> None:
    found = retrieval([hit(PARIS, 0.8, photo_id=1), hit(BERLIN, 0.5, photo_id=2)])
    pooled = pool_candidates(found.positives, [], 0.05)
    at = {(c.latitude, c.longitude): 0.1 * (1 + i) for i, c in enumerate(pooled)}
    parts = seen(image_place=at)
    assert parts["paris"]["image_place_lead"] == pytest.approx(-0.1)
    assert parts["berlin"]["image_place"] == pytest.approx(0.2)
