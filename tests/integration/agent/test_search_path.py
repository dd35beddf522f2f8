"""A search is one read: from the node to SQL a reader passes eight functions at most."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from geofix.agent.context import Context
from geofix.agent.nodes.retrieve import retrieve
from geofix.agent.regions import circle
from geofix.agent.services import Services
from geofix.agent.state import Asked, State
from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.search import plan

HOUSE = str(Path(__file__).parents[3]) + os.sep
MOST = 8


def ours(frame: FrameType | None) -> list[str]:
    """Names of our functions that wait for this one, from the outermost on; without tests."""
    names = []
    while frame is not None:
        path = os.path.realpath(frame.f_code.co_filename).removeprefix(HOUSE)
        if path.startswith(("agent" + os.sep, "db" + os.sep, "tools" + os.sep)):
            names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names[::-1]


@pytest.mark.parametrize(
    ("negatives_by", "within"),
    [("dissimilar", None), ("far", None), ("dissimilar", circle(0.0, 0.0, 2000.0, "there"))],
    ids=["along the index", "far negatives", "a region"],
)
def test_from_the_node_to_sql_there_are_few_functions(
    services: Services, monkeypatch: pytest.MonkeyPatch, negatives_by: Any, within: Any
) -> None:
    monkeypatch.setattr(plan, "EXACT_ROWS", 200)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(600, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    photos = [
        GeotaggedPhoto("made", str(at), *map(float, rng.uniform(-60, 60, 2))) for at in range(600)
    ]
    Ingest(services.engine).add("g", "e", photos, vectors)
    Ingest(services.engine).finish("e")

    def vector(sha256: str, encoder: str) -> NDArray[np.float32]:
        return vectors[0]

    found = cast(
        Services,
        SimpleNamespace(gallery=services.gallery, queries=SimpleNamespace(vector=vector)),
    )
    stacks: list[list[str]] = []

    def watch(frame: FrameType, event: str, _: object) -> None:
        called = frame.f_code
        if event == "call" and called.co_name == "execute" and "psycopg" in called.co_filename:
            stacks.append(ours(frame))

    state = State(asked=Asked(photo="sha256:00", within=within), encoder="e")
    sys.setprofile(watch)
    try:
        retrieve(state, Context(negatives_by=negatives_by), found)
    finally:
        sys.setprofile(None)
    searches = [stack for stack in stacks if "fetch_ranked" in stack]
    assert searches
    assert max(map(len, stacks)) <= MOST, max(stacks, key=len)
