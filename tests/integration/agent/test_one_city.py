"""What a model is shown against a place where the gallery, or most of it, is of one city."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from geofix.agent.context import Context
from geofix.agent.draft.lists import shown
from geofix.agent.draft.paper_prompts import img2loc
from geofix.agent.draft.prompts import lists, our_system
from geofix.agent.nodes.retrieve import retrieve
from geofix.agent.run.recording import Outcome
from geofix.agent.services import Services
from geofix.agent.state import Asked, Retrieval, State
from geofix.db.load.ingest import GeotaggedPhoto, Ingest

LUND = (55.70, 13.19)
AWAY = [(-18.14, 178.44), (-18.15, 178.45), (40.42, -3.70), (35.68, 139.69), (56.2, 13.2)]
"""Suva twice, Madrid, Tokyo, and 55 km north of Lund."""


def vectors(city: int, elsewhere: int) -> NDArray[np.float32]:
    """Random directions, those of the city to one side."""
    drawn = np.random.default_rng(5).normal(size=(city + elsewhere, 8)).astype(np.float32)
    drawn[:city, 0] += 4
    drawn[city:, 0] -= 4
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def searched(
    services: Services, elsewhere: list[tuple[float, float]], **options: Any
) -> tuple[Outcome, Retrieval]:
    """Search 40 photos along two streets of one city, and some from elsewhere."""
    city = [(LUND[0] + at / 5000, LUND[1] + at % 2 / 5000) for at in range(40)]
    places = [*city, *elsewhere]
    kept = vectors(len(city), len(elsewhere))
    photos = [GeotaggedPhoto("made", str(at), *place) for at, place in enumerate(places)]
    Ingest(services.engine).add("g", "e", photos, kept)
    Ingest(services.engine).finish("e")

    def vector(sha256: str, encoder: str) -> NDArray[np.float32]:
        return kept[7]

    found = cast(
        Services,
        SimpleNamespace(gallery=services.gallery, queries=SimpleNamespace(vector=vector)),
    )
    state = State(asked=Asked(photo="sha256:00"), encoder="e")
    outcome = retrieve(state, Context(**options), found)
    (retrieval,) = outcome.update["retrievals"]
    return outcome, retrieval


def test_photos_of_the_one_city_are_no_negatives_and_the_model_is_told_of_none(
    services: Services,
) -> None:
    outcome, found = searched(services, [])
    assert len(found.positives) == 16 and found.negatives == []
    assert found.notes == [
        "16 dissimilar photos were asked for, 0 were found: all lie within 25 km of a place of the"
        " similar photos"
    ]
    assert outcome.degraded == ()
    prompt = shown(found, None, None)
    told = our_system(prompt) + lists(prompt)
    assert "candidates" in told and "dissimilar" not in told


def test_the_next_ones_are_taken_and_told_by_place_without_scores(services: Services) -> None:
    _, found = searched(services, AWAY, negatives=3)
    order = [hit.external_id for hit in found.negatives]
    _, every = searched(services, AWAY, negatives=16)
    assert [hit.external_id for hit in every.negatives][:3] == order
    assert {hit.external_id for hit in every.negatives} == {"40", "41", "42", "43", "44"}
    similar = [hit.similarity for hit in every.negatives]
    assert similar == sorted(similar)
    assert "5 were found: all others lie within 25 km" in every.notes[0]
    told = lists(shown(every, None, None)).split("\n\n")[1].splitlines()[1:]
    assert len(told) == 4
    (fiji,) = [line for line in told if "Fiji" in line]
    assert fiji.endswith('Fiji", 2 photos within 1 km of it')
    assert not any(f"{hit.similarity:.2f}" in line for hit in every.negatives for line in told)


@pytest.mark.parametrize("vectors", ["centred", "raw"])
def test_the_papers_show_them_and_the_answer_says_that_they_contradict(
    services: Services, vectors: Any
) -> None:
    options = {"negatives_apart_km": 0, "vectors": vectors}
    outcome, found = searched(services, [], **options)
    assert len(found.negatives) == 16
    (warning,) = outcome.degraded
    assert warning.code == "negatives_contradict"
    assert warning.text.startswith("retrieve: 16 of 16 dissimilar photos were taken within 25 km")
    words = img2loc(shown(found, None, 16))
    assert "locations of dissimilar images" in words and words.count("(55.7") == 32
