from __future__ import annotations

import pytest

from geofix.agent.draft.consensus import consensus
from tests.unit.agent.hits import BERLIN, PARIS, hit, retrieval


def test_the_photos_vote_and_the_draft_says_so() -> None:
    drafted = consensus(retrieval([hit(PARIS, 0.8), hit(BERLIN, 0.3)]))
    assert drafted.drafted_by == "consensus"
    assert (drafted.latitude, drafted.longitude) == pytest.approx(PARIS)
    assert drafted.confidence == pytest.approx(1, abs=0.01)


def test_without_photos_there_is_nothing_to_vote() -> None:
    drafted = consensus(retrieval([]))
    assert drafted.latitude is None and drafted.confidence is None
    assert drafted.notes == ["no similar photo was found, so none could vote"]
