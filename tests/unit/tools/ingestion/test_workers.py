"""Decoding in processes: the order, the bound, and what a process that dies costs."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from geofix.agent.errors import GeofixError
from geofix.tools.ingestion.decoding import DecodedPhoto, Task, Undecodable, decode
from geofix.tools.ingestion.workers import Workers, default_workers
from geofix.tools.sources.picture_files import FilePicture
from tests.deadly_picture import DeadlyPicture
from tests.files import SEOUL, save_photo

REPOSITORY = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def workers_find_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(REPOSITORY), *sys.path])


def pictures(folder: Path, count: int) -> list[Path]:
    return [
        save_photo(folder / f"{number}.jpg", SEOUL, color=(9 * number, 0, 0))
        for number in range(count)
    ]


class Pool:
    """Two processes, begun once for all tests: each start takes a second of CPU."""

    def __init__(self) -> None:
        self.workers = Workers(2, 4, lambda: self.lost.append(None))
        self.lost: list[None] = []

    def run(self, tasks: list[Task]) -> tuple[list[Any], int]:
        """Return what came of the tasks, and how often a process died meanwhile."""
        self.lost.clear()
        return outcomes_of(self.workers, tasks), len(self.lost)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool()
    with made.workers:
        yield made


def outcomes_of(workers: Workers, tasks: list[Task]) -> list[Any]:
    done = list(workers.decode_all(enumerate(tasks)))
    assert [number for number, _ in done] == list(range(len(tasks)))
    return [outcome for _, outcome in done]


def test_processes_give_what_one_process_gives_in_order(pool: Pool, tmp_path: Path) -> None:
    tasks = [Task(FilePicture(path), wants_place=True) for path in pictures(tmp_path, 12)]
    tasks.insert(5, Task(FilePicture(tmp_path / "gone.jpg")))
    alone = [decode(task) for task in tasks]
    assert pool.run(tasks) == (alone, 0)
    for count in (0, 1):
        assert outcomes_of(Workers(count, 4, lambda: None), tasks) == alone


def test_no_more_pictures_are_taken_than_asked_for(pool: Pool, tmp_path: Path) -> None:
    (path,) = pictures(tmp_path, 1)
    taken = 0

    def tasks() -> Iterator[tuple[int, Task]]:
        nonlocal taken
        for number in range(40):
            taken += 1
            yield number, Task(FilePicture(path))

    for given, _ in enumerate(pool.workers.decode_all(tasks())):
        assert taken - given <= 4 + 2


def test_a_killed_process_loses_no_picture(pool: Pool, tmp_path: Path) -> None:
    tasks = [Task(FilePicture(path)) for path in pictures(tmp_path, 10)]
    deadly = Task(DeadlyPicture(tmp_path / "3.jpg", once=tmp_path / "died"))
    outcomes, lost = pool.run([*tasks[:3], deadly, *tasks[3:]])
    assert lost == 1
    assert outcomes == [decode(task) for task in [*tasks[:3], tasks[3], *tasks[3:]]]


def test_a_picture_that_kills_every_process_is_left_out_alone(pool: Pool, tmp_path: Path) -> None:
    # Processes start anew in `tmp_path`. Python looks for all it imports there first, where it is
    # let.
    for name in ("multiprocessing.py", "sitecustomize.py", "os.py"):
        (tmp_path / name).write_text("open('ran', 'w').close()\n")
    (tmp_path / "photos").mkdir()
    tasks = [Task(FilePicture(path)) for path in pictures(tmp_path / "photos", 10)]
    outcomes, lost = pool.run([*tasks[:3], Task(DeadlyPicture(tmp_path / "3.jpg")), *tasks[3:]])
    assert not (tmp_path / "ran").exists(), "a file of the working folder was run"
    assert lost == 2
    killer = outcomes.pop(3)
    assert isinstance(killer, Undecodable) and "died twice" in killer.reason
    assert all(isinstance(outcome, DecodedPhoto) for outcome in outcomes)


UNGUARDED = """
from pathlib import Path
from geofix.tools.ingestion.decoding import Task
from geofix.tools.ingestion.workers import Workers
from geofix.tools.sources.picture_files import FilePicture

with Workers(2, 4, lambda: None) as workers:
    list(workers.decode_all([(0, Task(FilePicture(Path("a.jpg"))))]))
"""


def test_a_script_that_workers_cannot_import_is_told_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(UNGUARDED)
    command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].startswith(
        f"{GeofixError.__module__}.GeofixError: 2 worker"
    )


LEFT_ALONE = f"""
import os, signal, sys
sys.path.insert(0, {str(REPOSITORY)!r})
from pathlib import Path
import psutil
from geofix.tools.ingestion.decoding import Task
from geofix.tools.ingestion.workers import Workers
from geofix.tools.sources.picture_files import FilePicture

tasks = ((n, Task(FilePicture(Path(sys.argv[1])))) for n in range(50))
with Workers(2, 4, lambda: None) as workers:
    for _ in workers.decode_all(tasks):
        print(*[child.pid for child in psutil.Process().children()], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_processes_end_with_a_load_that_is_killed(tmp_path: Path) -> None:
    (path,) = pictures(tmp_path, 1)
    command = [sys.executable, "-c", LEFT_ALONE, str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) >= 2
    children = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


def test_there_is_a_process_for_each_core_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 3, 5}, raising=False)
    assert default_workers() == 3
