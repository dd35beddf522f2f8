"""What may be asked of `python -m benchmarks.gallery`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks import geoclip_vectors

PARTS = ("cosines", "load", "search", "compact", "regions", "outside", "growth", "centring")

QUERIES = 200
"""Held out, whatever the vectors."""

ROWS, DIMENSION = 100_000, 768
"""Of made vectors, where nothing is said."""

FEWEST = 1_000

PLACES = geoclip_vectors.COUNT - QUERIES
"""Rows there are of GeoCLIP's, and taken where nothing is said."""


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; `rows` and `dimension` are filled in as the vectors have them.

    Raises:
        SystemExit: Something cannot be had; what and why goes to standard error.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gallery",
        description="Measure the gallery beside its peers, in one run.",
    )
    parser.add_argument(
        "--vectors", choices=("made", "geoclip"), default="made",
        help="made ones with the structure of an image encoder's, or GeoCLIP's of real places",
    )  # fmt: skip
    parser.add_argument(
        "--rows", type=int,
        help=f"photos in the gallery ({ROWS:,d}; of geoclip all there are, {PLACES:,d})",
    )  # fmt: skip
    parser.add_argument("--dimension", type=int, help=f"of made vectors ({DIMENSION})")
    parser.add_argument("--seed", type=int, default=0, help="other made photos, or other queries")
    parser.add_argument(
        "--part", action="append", choices=PARTS, help="only this one; may be given again"
    )
    parser.add_argument(
        "--no-peers", action="store_true", help="without FAISS and langchain-postgres"
    )
    options = parser.parse_args(arguments)
    real = options.vectors == "geoclip"
    options.part = options.part or list(PARTS)
    most, dimension = (PLACES, geoclip_vectors.DIMENSION) if real else (None, DIMENSION)
    options.rows = (most or ROWS) if options.rows is None else options.rows
    options.dimension = dimension if options.dimension is None else options.dimension
    if options.rows < FEWEST:
        parser.error(f"--rows {options.rows!r} are too few to search in; give {FEWEST} or more")
    if most is not None and options.rows > most:
        parser.error(
            f"--rows {options.rows!r} are more than GeoCLIP has beside {QUERIES} queries; give "
            f"{most} or fewer, or --vectors made"
        )
    if real and options.dimension != dimension:
        parser.error(
            f"--dimension {options.dimension!r}: GeoCLIP's vectors have {dimension}; leave it out"
        )
    return options
