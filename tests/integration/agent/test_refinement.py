"""Rounds: a place known to a region only is looked at again inside it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from PIL import Image

from geofix import Agent, Settings, open_agent
from geofix.agent.services import Services
from geofix.db.engine import conninfo
from geofix.db.load.ingest import GeotaggedPhoto
from geofix.tools.geo.distance import haversine_km
from tests.fakes import ColorEncoder
from tests.integration.explained import explained

FIJI = (-17.0, 179.9)
RED = (220, 40, 40)

ASKED: dict[str, Any] = {"accept_margin": 0.0, "impostor_share": 1.0, "reject_scenes": False}
"""Photos of one color show no place, and are answered all the same."""


def color_vector(red: float, green: float, blue: float) -> np.ndarray:
    vector = np.array([red, green, blue], dtype=np.float32) - 127.5
    return vector / np.linalg.norm(vector)


def around(center: tuple[float, float], km: float, count: int) -> list[tuple[float, float]]:
    """Places in a ring, farther apart from each other than a city is wide."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    ring = [
        (center[0] + km / 111.2 * np.sin(a), center[1] + km / 111.2 * np.cos(a)) for a in angles
    ]
    return [(lat, (lon + 180) % 360 - 180) for lat, lon in ring]


@pytest.fixture
def island(services: Services) -> Iterator[Agent]:
    """A gallery of reddish photos all over a region that the antimeridian cuts, others far off."""
    places = [*around(FIJI, 80, 9), FIJI, *around((48.0, 2.0), 300, 12)]
    colors = [(215, 45 + 2 * i, 40) for i in range(9)] + [(219, 41, 41)]
    colors += [(30, 60 + 10 * i, 200) for i in range(12)]
    photos = [
        GeotaggedPhoto("test", str(i), latitude, longitude)
        for i, (latitude, longitude) in enumerate(places)
    ]
    vectors = np.array([color_vector(*color) for color in colors], dtype=np.float32)
    services.ingest.add("test", "color", photos, vectors)
    services.ingest.finish("color")
    with open_agent(
        Settings(database_url=services.settings.database_url), encoder=ColorEncoder()
    ) as opened:
        yield opened


@pytest.fixture
def red_photo(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    Image.new("RGB", (64, 64), RED).save(path)
    return path


def test_a_region_is_searched_again_inside_and_both_sides_of_the_antimeridian_count(
    island: Agent, red_photo: Path
) -> None:
    fix = explained(island, red_photo, **ASKED, max_rounds=3)
    steps = island.services.trail.read(fix.run or "").steps
    regions = [s.detail["region"] for s in steps if s.node == "retrieve"]
    assert fix.rounds > 1 and regions[0] is None
    assert regions[1]["radius_km"] < 2500
    found = next(s.detail for s in steps if s.node == "retrieve" and s.round == 1)
    longitudes = [hit["longitude"] for hit in found["positives"]]
    assert min(longitudes) < -179 and max(longitudes) > 179
    assert all(hit["external_id"] in {str(i) for i in range(10)} for hit in found["positives"])
    assert fix.status == "located"
    assert fix.latitude is not None and fix.longitude is not None
    assert float(haversine_km(fix.latitude, fix.longitude, *FIJI)) < 150
    assert any("photos were asked for" in note for note in found["notes"])


def test_one_round_is_one_round(island: Agent, red_photo: Path) -> None:
    fix = explained(island, red_photo, **ASKED, max_rounds=1)
    assert fix.rounds == 1


def test_every_round_looks_at_less_of_the_earth(island: Agent, red_photo: Path) -> None:
    fix = explained(island, red_photo, **ASKED, max_rounds=6)
    steps = island.services.trail.read(fix.run or "").steps
    radii = [s.detail["regions"][0]["radius_km"] for s in steps if s.node == "refine"]
    assert radii and all(finer < wider for wider, finer in pairwise(radii))
    assert fix.rounds <= 6


def test_candidates_outside_the_region_are_kept(island: Agent, red_photo: Path) -> None:
    fix = explained(island, red_photo, **ASKED, max_rounds=2)
    assert any(candidate.latitude > 40 for candidate in fix.candidates)
    assert len({(c.latitude, c.longitude) for c in fix.candidates}) == len(fix.candidates)


SIZES = {
    "checkpoint_blobs": "octet_length(blob)",
    "checkpoint_writes": "octet_length(blob)",
    "checkpoints": "octet_length(checkpoint::text) + octet_length(metadata::text)",
}


def test_a_round_takes_little_of_the_checkpoints(island: Agent, red_photo: Path) -> None:
    """Three rounds took 423 kB; they are to take less than 80."""
    fix = island.locate(red_photo, **ASKED, max_rounds=3)
    stored = 0
    with psycopg.connect(conninfo(island.services.checkpoint_url)) as connection:
        for table, size in SIZES.items():
            query = f"select sum({size}) from langgraph.{table} where thread_id = %s"
            (total,) = connection.execute(query.encode(), [fix.run]).fetchone() or (0,)
            stored += total
    assert 10_000 < stored < 26_000 * fix.method.rounds
