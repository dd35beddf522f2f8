from __future__ import annotations

import os
import shutil
from types import SimpleNamespace

import psutil
import pytest

from geofix.db.engine import open_engine
from geofix.db.load.index_build import LEAST_MB, BuildMemory, build_memory, graph_bytes

MB = 1_000_000


def given(needed_mb: int, host: str = "localhost") -> BuildMemory | None:
    engine = open_engine(f"postgresql://user@{host}:5432/gallery")
    return build_memory(engine, needed_mb * MB)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of 4 processors, 8 GB free, and as much of it to share."""
    has(monkeypatch, free_mb=8000, shared_mb=8000)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)


def has(monkeypatch: pytest.MonkeyPatch, *, free_mb: int, shared_mb: int) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free_mb * MB))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=shared_mb * MB))


def test_the_graph_grows_with_rows_dimension_and_neighbours() -> None:
    small = graph_bytes(1000, 64, 16, compact=False)
    assert graph_bytes(2000, 64, 16, compact=False) == pytest.approx(2 * small, abs=1)
    assert graph_bytes(1000, 128, 16, compact=False) > small
    assert graph_bytes(1000, 64, 32, compact=False) > small
    assert graph_bytes(1000, 64, 16, compact=True) < small


def test_the_graph_takes_what_was_measured() -> None:
    assert graph_bytes(1_000_000, 768, 32, compact=False) == pytest.approx(2.9e9, rel=0.05)


def test_a_build_gets_what_it_needs_and_all_processors() -> None:
    assert given(1000) == BuildMemory(1016, 4, fits=True)


def test_a_small_build_gets_what_postgres_gives_anyhow() -> None:
    assert given(1) == BuildMemory(LEAST_MB, 4, fits=True)


def test_a_build_too_large_gets_half_of_what_is_free() -> None:
    assert given(100_000) == BuildMemory(4000, 4, fits=False)


@pytest.mark.parametrize("host", ["db.example.org", "10.0.0.7"])
def test_of_another_machine_nothing_is_known(host: str) -> None:
    assert given(1000, host) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_this_machine_has_several_names(host: str) -> None:
    assert given(1000, host) is not None


def test_a_socket_is_of_this_machine() -> None:
    engine = open_engine("postgresql:///gallery?host=/run/postgresql")
    assert build_memory(engine, 1000 * MB) is not None


def test_in_a_container_s_small_shared_memory_one_process_builds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    has(monkeypatch, free_mb=8000, shared_mb=64)
    assert given(1000) == BuildMemory(1016, 0, fits=True)
    assert given(1) == BuildMemory(LEAST_MB, 4, fits=True)
