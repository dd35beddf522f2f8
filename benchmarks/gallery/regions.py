"""Search inside circles that hold 10, 1, 0.1 and 0.01 % of the rows, at the query's place or not.

Where the photo was taken is the easy case: what looks like it is there. Elsewhere, an index leads
to photos that the region excludes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.gallery.geofix_gallery import ENCODER, Galleries, ids, strategy
from benchmarks.gallery.search import K, ask
from benchmarks.gallery.tables import Table
from benchmarks.gallery.timing import timed
from benchmarks.gallery.truth import recall, similarities
from benchmarks.made_gallery import Drawn
from geofix.db.search.area import Area
from geofix.db.search.query import Search
from geofix.tools.geo.distance import bounding_boxes, haversine_km

SHARES = (0.1, 0.01, 0.001, 0.0001)
QUERIES = 50

HEAD = ["end", "where", "share", "median ms", "p95 ms", "recall@16", "answers", "rows", "how"]


@dataclass(frozen=True)
class Circle:
    """A region of a known share of the rows, asked with one query."""

    query: int
    area: Area
    inside: NDArray[np.intp]
    """The rows in it."""


def measure_regions(galleries: Galleries) -> list[Table]:
    """Ask both ends in circles of every size."""
    rows, drawn = len(galleries.rows), galleries.rows.drawn
    loaded = galleries.of(rows)
    table = Table(f"Search in a region, k = {K}, {galleries.rows.size()}, {QUERIES} queries", HEAD)
    queries = drawn.query_vectors[:QUERIES]
    cosines = np.empty((len(queries), rows), np.float32)
    for first, block in similarities(queries, drawn.vectors, loaded.mean()):
        cosines[:, first : first + block.shape[1]] = block
    for share in SHARES:
        for where in ("own place", "elsewhere"):
            circles = list(circles_of(drawn, len(queries), share, where))
            for end, sign in (("nearest", 1.0), ("dissimilar", -1.0)):
                _measure(table, galleries, circles, sign * cosines, (end, where, share))
    return [table]


def _measure(
    table: Table,
    galleries: Galleries,
    circles: list[Circle],
    scores: NDArray[np.float32],
    asked: tuple[str, str, float],
) -> None:
    loaded, queries = galleries.of(len(galleries.rows)), galleries.rows.drawn.query_vectors
    end, where, share = asked

    found = timed(
        circles,
        lambda circle: ask(
            loaded, queries[circle.query], end, Search(encoder=ENCODER, areas=(circle.area,))
        ),
    )
    right = [_best(circle.inside, scores[circle.query]) for circle in circles]
    answers = [ids(answer) for answer in found.answers]
    ways = Counter(strategy(answer) for answer in found.answers)
    table.add(
        end,
        where,
        f"{share:.2%}",
        found.median_ms,
        found.p95_ms,
        recall(answers, right, galleries.rows.drawn.alike),
        f"{np.mean([len(answer) for answer in answers]):.1f}"
        f" of {np.mean([len(rows) for rows in right]):.1f}",
        int(np.median([len(circle.inside) for circle in circles])),
        "; ".join(f"{way} ({count})" for way, count in ways.most_common()),
    )


def _best(inside: NDArray[np.intp], scores: NDArray[np.float32]) -> list[int]:
    order = np.argsort(-scores[inside], kind="stable")[:K]
    return [int(row) for row in inside[order]]


def circles_of(drawn: Drawn, queries: int, share: float, where: str) -> Iterator[Circle]:
    """Yield for each query a circle that holds this share of the rows.

    Args:
        drawn: The rows and the queries.
        queries: How many.
        share: Of the rows, 0 to 1.
        where: `own place` or `elsewhere`.
    """
    rng = np.random.default_rng(0)
    for query in range(queries):
        # Elsewhere is the place of any photo: where there are many photos, many ask.
        row = int(rng.integers(len(drawn.vectors)))
        own = where == "own place"
        latitude = float(drawn.query_latitude[query] if own else drawn.latitude[row])
        longitude = float(drawn.query_longitude[query] if own else drawn.longitude[row])
        away = haversine_km(latitude, longitude, drawn.latitude, drawn.longitude)
        wanted = max(1, round(share * len(away)))
        last = np.partition(away, wanted - 1)[wanted - 1]
        # Half way between the last inside and the first outside: no rounding moves either. Rows at
        # one place lie on the same side.
        radius_km = float((last + away[away > last].min()) / 2)
        yield Circle(
            query, circle_area(latitude, longitude, radius_km), np.nonzero(away <= radius_km)[0]
        )


def circle_area(latitude: float, longitude: float, radius_km: float) -> Area:
    """Return a circle as the gallery takes it."""
    boxes = bounding_boxes(latitude, longitude, radius_km)
    sides = tuple((box.south, box.west, box.north, box.east) for box in boxes)
    return Area(latitude=latitude, longitude=longitude, radius_km=radius_km, boxes=sides)
