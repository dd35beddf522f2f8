"""Measure the gallery beside its peers, in one run: `make bench-gallery`.

Each part also runs alone: `python -m benchmarks.gallery --part load --rows 20000`. The peers need a
virtual environment of their own, made under ~/.cache/geofix/benchmarks by the first run.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import psutil

from benchmarks.gallery.centring import measure_centring
from benchmarks.gallery.cosines import cosine_table, describe
from benchmarks.gallery.database import GB, Server, running_server
from benchmarks.gallery.growth import measure_growth
from benchmarks.gallery.load import measure_load
from benchmarks.gallery.ours import Galleries
from benchmarks.gallery.regions import measure_regions
from benchmarks.gallery.rows import Rows, draw_rows
from benchmarks.gallery.search import measure_search
from benchmarks.gallery.sets import geoclip_set, starter_set
from benchmarks.gallery.tables import Table, say


def main() -> None:
    """Run the parts asked for and print all tables at the end."""
    options = _options()
    started = time.perf_counter()
    # So that a server is also stopped, and its folder removed, where somebody ends this.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with running_server() as server:
        lines = [machine(), server.settings(), f"command: {' '.join(sys.orig_argv)}"]
        say("\n".join(lines))
        drawn = time.perf_counter()
        rows = draw_rows(server.folder, options.rows, options.dimension, options.seed, 200)
        say(f"  drew {len(rows):,d} rows in {time.perf_counter() - drawn:.1f} s")
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


def machine() -> str:
    """Say what this was measured on."""
    cores, memory = os.cpu_count(), psutil.virtual_memory().total / GB
    load = os.getloadavg()[0]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return (
        f"{_processor()}, {cores} cores, {memory:.0f} GB, load {load:.1f} at the start;"
        f" Python {platform.python_version()}, numpy {np.__version__}, geofix at {commit or '?'}"
    )


def _processor() -> str:
    if not os.path.exists("/proc/cpuinfo"):
        return platform.processor() or platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _parts(
    server: Server, galleries: Galleries, *, peers: bool
) -> dict[str, Callable[[], list[Table]]]:
    return {
        "cosines": lambda: measure_cosines(galleries.rows),
        "load": lambda: measure_load(server, galleries, peers=peers),
        "search": lambda: measure_search(server, galleries, peers=peers),
        "regions": lambda: measure_regions(galleries),
        "growth": lambda: measure_growth(galleries),
        "centring": lambda: measure_centring(server, galleries.rows),
    }


PARTS = ("cosines", "load", "search", "regions", "growth", "centring")


def measure_cosines(rows: Rows) -> list[Table]:
    """Describe the made vectors beside the real ones."""
    table = cosine_table()
    describe(table, "made", rows.made.vectors, rows.made.query_vectors)
    for real in (starter_set(), geoclip_set()):
        describe(table, real.name, real.vectors, real.queries, leave_one_out=real.leave_one_out)
    return [table]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="photos in the gallery")
    parser.add_argument("--dimension", type=int, default=768, help="of the vectors")
    parser.add_argument("--seed", type=int, default=0, help="another world of made photos")
    parser.add_argument(
        "--part", action="append", choices=PARTS, help="only this one; may be given again"
    )
    parser.add_argument(
        "--no-peers", action="store_true", help="without FAISS and langchain-postgres"
    )
    options = parser.parse_args()
    options.part = options.part or list(PARTS)
    if options.rows < 1_000:
        parser.error(f"--rows {options.rows!r} are too few to search in; give 1000 or more")
    return options


if __name__ == "__main__":
    main()
