"""What would give the answer away: photos of the gallery, a file's name, its EXIF."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geofix.agent.services import Services
from geofix.db.load.ingest import GeotaggedPhoto
from geofix.db.search.query import Search
from geofix.evaluation.datasets import open_dataset
from geofix.evaluation.run.leaks import Leak, LeakFreeGallery
from geofix.evaluation.run.result import EvalPhoto
from geofix.evaluation.run.runner import Plan, evaluate, results_of
from geofix.tools.sources.picture_files import MemoryPicture
from tests.integration.evaluation.conftest import SAMPLES
from tests.integration.scripted_model import said

QUERY = np.array([1, 0, 0], np.float32)
ASKED = "a" * 64
SEARCH = Search("three", vectors="raw", without_sha256=ASKED)
PHOTO = EvalPhoto("q", MemoryPicture("q", b""), 1.0, 2.0, author="ann", sequence="walk")


@pytest.fixture
def services(services: Services) -> Services:
    """A gallery of 60 photos, the nearer ones leaks of one kind or other."""
    angles = np.linspace(0.02, 1.5, 60)
    vectors = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    photos = [
        GeotaggedPhoto(
            source="set",
            external_id=str(at),
            latitude=1.0,
            longitude=2.0,
            author="ann" if at < 30 else "bob",
            sha256=ASKED if at == 40 else f"{at:064x}",
        )
        for at in range(60)
    ]
    services.ingest.add("g", "three", photos, vectors.astype(np.float32))
    services.ingest.finish("three")
    return services


def found(services: Services, k: int, *leaks: Leak, known: bool = True) -> list[str]:
    gallery = LeakFreeGallery(services.engine, leaks)
    gallery.know_sequences({str(at): "walk" for at in range(30, 35)})
    if known:
        gallery.know(ASKED, PHOTO)
    return [one.external_id for one in gallery.nearest(QUERY, k, SEARCH)]


def test_as_many_remain_as_were_asked_for_and_they_are_the_nearest(services: Services) -> None:
    every = [str(at) for at in range(60)]
    assert found(services, 8, "author", "hash") == every[30:38]
    assert found(services, 8, "author", "sequence", "hash") == [*every[35:40], *every[41:44]]
    assert found(services, 3, "hash") == every[:3]


def test_nearly_the_same_vector_is_a_leak(services: Services) -> None:
    kept = found(services, 60, "near", "hash")
    angles = np.linspace(0.02, 1.5, 60)
    alike = {str(at) for at in range(60) if np.cos(angles[at]) >= 0.95}
    assert alike and not alike & set(kept)
    assert len(kept) == 60 - len(alike) - 1


def test_without_hash_the_photo_itself_is_found(services: Services) -> None:
    assert "40" in found(services, 60, "author")
    assert "40" not in found(services, 60, "author", "hash")


def test_fewer_come_where_fewer_are_no_leak_and_what_went_is_counted(services: Services) -> None:
    assert len(found(services, 50, "author", "hash")) == 29
    gallery = LeakFreeGallery(services.engine, ("author", "near"))
    gallery.know(ASKED, PHOTO)
    left_out = gallery.nearest(QUERY, 60, SEARCH).left_out
    assert len(left_out["author"]) == 30 and len(left_out["near"]) > 0
    assert not gallery.nearest(QUERY, 60, replace(SEARCH, without_sha256=None)).left_out
    far = gallery.most_dissimilar(QUERY, 5, SEARCH)
    assert {one.author for one in far} == {"bob"}


def test_a_photo_nobody_told_of_is_searched_as_ever(services: Services) -> None:
    assert found(services, 3, "author", known=False) == ["0", "1", "2"]


def test_neither_file_name_nor_exif_reaches_the_model_or_the_trail(lab: Any, dataset: Path) -> None:
    opened = lab(*[said()] * 6)
    photos = open_dataset(str(dataset)).photos[:2]
    evaluation = evaluate(opened.agent, Plan("base", "set", photos, {"max_rounds": 1}))
    results = results_of(opened.agent, evaluation)
    assert all("model" in result.peers_km for result in results)
    sent = json.dumps([request.body for request in opened.server.received])
    trail = opened.agent.services.trail
    # A step may take 37.5 ms.
    timed = [trail.read(result.run or "").steps for result in results]
    steps = [repr([replace(step, took_ms=0.0) for step in some]) for some in timed]
    assert sent and len(steps) == 2
    # Seoul is what the EXIF says; a picture is sent as base64, where no such word can stand.
    telling = [*SAMPLES, "secretplace", "Seoul", "37.5", "GPS", "Exif"]
    for text in [*_without_pictures(sent), *steps]:
        assert not [word for word in telling if word in text]


def _without_pictures(sent: str) -> list[str]:
    texts = []
    for request in json.loads(sent):
        for message in request["messages"]:
            content = message["content"]
            blocks = [content] if isinstance(content, str) else content
            texts += [json.dumps(one) for one in blocks if "image_url" not in one]
    return texts
