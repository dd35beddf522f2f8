"""Search outside circles of 25 km around the photos most like the query, as for negatives."""

from __future__ import annotations

from benchmarks.gallery.geofix_gallery import ENCODER, Galleries, everywhere, strategy
from benchmarks.gallery.regions import circle_area
from benchmarks.gallery.search import K, ask
from benchmarks.gallery.tables import Table
from benchmarks.gallery.timing import timed
from geofix.db.search.query import Search
from geofix.tools.statistics import PLACE_KM

CIRCLES = (0, 1, 16, 64, 200)
"""16 is how many places the 16 photos of a first round can have at most; a late round has 200."""

QUERIES, EXACT_QUERIES = 40, 8

HEAD = ["circles", "end", "median ms", "p95 ms", "how"]


def measure_outside(galleries: Galleries) -> list[Table]:
    """Ask both ends, by the index and exactly, with more and more circles left out."""
    loaded = galleries.of(len(galleries.rows))
    title = f"Search outside circles of {PLACE_KM:g} km, k = {K}, {galleries.rows.size()}"
    table = Table(f"{title}, {QUERIES} queries ({EXACT_QUERIES} exact)", HEAD)
    queries = galleries.rows.drawn.query_vectors[:QUERIES]
    alike = [loaded.gallery.nearest(query, max(CIRCLES), everywhere()) for query in queries]
    for count in CIRCLES:
        outside = [
            tuple(circle_area(hit.latitude, hit.longitude, PLACE_KM) for hit in found[:count])
            for found in alike
        ]
        asked = list(zip(queries, outside, strict=True))
        for exact in (False, True):
            for end in ("nearest", "dissimilar"):
                found = timed(
                    asked[:EXACT_QUERIES] if exact else asked,
                    lambda one: ask(
                        loaded,
                        one[0],
                        end,  # noqa: B023 - called in this round
                        Search(encoder=ENCODER, outside=one[1], exact=exact),  # noqa: B023
                    ),
                )
                table.add(count, end, found.median_ms, found.p95_ms, strategy(found.answers[0]))
    return [table]
