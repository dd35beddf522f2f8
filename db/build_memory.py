"""Memory and processes for building an index: a build that does not fit is three times slower."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import Engine

SHARE = 0.5
"""Of what memory is free; the rest is for the pages of table and index."""

LEAST_MB = 64
"""Postgres's own default."""

SHARED_MEMORY = Path("/dev/shm")
"""Where processes that build together keep the whole graph; a container's holds 64 MB."""

CORES_ELSEWHERE = 4
"""Assumed of a server on another machine, which does not tell."""

HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class BuildMemory:
    """What a build is given."""

    memory_mb: int
    workers: int
    """Processes beside the leader."""
    fits: bool
    """Whether the graph will stay in memory."""


def graph_bytes(rows: int, dimension: int, m: int, *, compact: bool) -> int:
    """Return what an HNSW graph takes in memory while it is built.

    Vector, 2m neighbours of 16 bytes in the lowest layer, and 130 bytes for the rest, a tenth more
    for the layers above: measured 2.9 kB a row at 768 dimensions and m = 32.
    """
    vector = dimension // 8 if compact else 2 * dimension
    return int(rows * (vector + 2 * m * 16 + 130) * 1.1)


def on_this_machine(engine: Engine) -> bool:
    """Say whether a server shares this machine's memory, as far as its address tells."""
    host = engine.url.host or "localhost"
    return host in HERE or host.startswith("/")


def cores_of(engine: Engine) -> int:
    """Return how many of an index's graphs a server is asked to search at once."""
    return (os.cpu_count() or 1) if on_this_machine(engine) else CORES_ELSEWHERE


def build_memory(engine: Engine, needed_bytes: int) -> BuildMemory | None:
    """Return what a build should be given; none where the server is another machine's.

    Its memory cannot be seen from here: then the server's own settings hold.
    """
    if not on_this_machine(engine):
        return None
    needed_mb = max(LEAST_MB, needed_bytes // 1_000_000 + 16)
    free_mb = max(LEAST_MB, int(psutil.virtual_memory().available * SHARE) // 1_000_000)
    memory_mb = min(needed_mb, free_mb)
    workers = max(0, min(8, os.cpu_count() or 1))
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free < memory_mb * 1_000_000:
        workers = 0
    return BuildMemory(memory_mb, workers, fits=needed_mb <= free_mb)
