"""Measure the gallery beside its peers, in one run: `make bench-gallery`.

Each part also runs alone: `python -m benchmarks.gallery --part load --rows 20000`. The peers need a
virtual environment of their own, made under ~/.cache/geofix/benchmarks by the first run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from benchmarks.gallery.centring import measure_centring
from benchmarks.gallery.compact import measure_compact
from benchmarks.gallery.cosines import cosine_table, describe
from benchmarks.gallery.database import Server, running_server
from benchmarks.gallery.geofix_gallery import Galleries
from benchmarks.gallery.growth import measure_growth
from benchmarks.gallery.load import measure_load
from benchmarks.gallery.machine import machine
from benchmarks.gallery.options import QUERIES, read_options
from benchmarks.gallery.outside import measure_outside
from benchmarks.gallery.regions import measure_regions
from benchmarks.gallery.rows import Rows, geoclip_rows, made_rows
from benchmarks.gallery.search import measure_search
from benchmarks.gallery.sets import real_sets_beside
from benchmarks.gallery.tables import Table, say


def main() -> None:
    """Run the parts asked for and print all tables at the end."""
    options = read_options()
    started = time.perf_counter()
    with running_server() as server:
        lines = [machine(), server.settings(), f"command: {' '.join(sys.orig_argv)}"]
        say("\n".join(lines))
        drawn = time.perf_counter()
        rows = _draw(server, options)
        say(f"  drew {rows.size()} in {time.perf_counter() - drawn:.1f} s")
        galleries = Galleries(server, rows)
        tables: list[Table] = []
        try:
            for part, measure in _parts(server, galleries, peers=not options.no_peers).items():
                if part in options.part:
                    say(f"\n{part}")
                    tables += measure()
        finally:
            galleries.close()
            # Whatever is measured by now is worth reading, also where a later part failed.
            took = time.perf_counter() - started
            say("\n" + "\n".join([*lines, f"{took:.0f} s in all", ""]))
            say("\n".join(table.markdown() for table in tables))


def _draw(server: Server, options: argparse.Namespace) -> Rows:
    if options.vectors == "geoclip":
        return geoclip_rows(server.folder, options.rows, options.seed, QUERIES)
    return made_rows(server.folder, options.rows, options.dimension, options.seed, QUERIES)


def _parts(
    server: Server, galleries: Galleries, *, peers: bool
) -> dict[str, Callable[[], list[Table]]]:
    return {
        "cosines": lambda: measure_cosines(galleries.rows),
        "load": lambda: measure_load(server, galleries, peers=peers),
        "search": lambda: measure_search(server, galleries, peers=peers),
        "compact": lambda: measure_compact(galleries),
        "regions": lambda: measure_regions(galleries),
        "outside": lambda: measure_outside(galleries),
        "growth": lambda: measure_growth(galleries),
        "centring": lambda: measure_centring(server, galleries.rows),
    }


def measure_cosines(rows: Rows) -> list[Table]:
    """Describe the vectors beside the real ones."""
    table = cosine_table()
    describe(table, rows.name, rows.drawn.vectors, rows.drawn.query_vectors)
    for real in real_sets_beside(rows):
        describe(table, real.name, real.vectors, real.queries, leave_one_out=real.leave_one_out)
    return [table]


if __name__ == "__main__":
    main()
