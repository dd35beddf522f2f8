from __future__ import annotations

import json
from pathlib import Path

import pytest

from geofix.agent.errors import SourceError
from geofix.tools.ingestion import Progress
from geofix.tools.ingestion.report import SHOWN, Tally
from geofix.tools.sources import Rejected


class Clock:
    """Seconds, as a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def silent(progress: Progress) -> None:
    pass


def test_photos_left_out_are_in_the_file_at_once_whatever_their_names(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    path.write_text("of the run before\n")
    with Tally(None, silent, path) as tally:
        for item in ("a\nb.jpg", "caf\udce9.jpg", "한강.jpg"):
            tally.reject(item, "too dark")
        lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"item": item, "reason": "too dark"} for item in ("a\nb.jpg", "caf\udce9.jpg", "한강.jpg")
    ]
    assert tally.report.rejects_path == path


def test_only_the_first_photos_left_out_are_kept_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    with Tally(None, silent, path) as tally:
        for number in range(SHOWN + 7):
            tally.reject(f"{number}.jpg", "too dark")
    assert tally.report.rejected == SHOWN + 7 == len(path.read_text().splitlines())
    assert len(tally.report.first_rejects) == SHOWN
    assert tally.report.first_rejects[0] == Rejected("0.jpg", "too dark")


def test_a_file_that_cannot_be_written_is_told_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"rejected photos .*no/such/file.* cannot be written"):
        Tally(None, silent, tmp_path / "no" / "such" / "file")


def test_progress_tells_the_rate_of_late_and_what_is_left(clock: Clock) -> None:
    told: list[Progress] = []
    with Tally(1000, told.append, None) as tally:
        for _ in range(60):
            clock.now += 1
            tally.count(added=2)
        for _ in range(60):
            clock.now += 1
            tally.count(unchanged=5)
        tally.reject("a.jpg", "too dark")
    assert told[30].rate_per_s == pytest.approx(2)
    assert told[-1] == Progress(421, 1000, told[-1].rate_per_s, told[-1].rest_s, 1)
    assert told[-1].rate_per_s == pytest.approx(5, rel=0.01)
    assert told[-1].rest_s == pytest.approx(579 / 5, rel=0.01)


def test_the_time_left_is_unknown_where_the_total_is(clock: Clock) -> None:
    told: list[Progress] = []
    with Tally(None, told.append, None) as tally:
        clock.now += 2
        tally.count(added=10)
    assert told[-1] == Progress(10, None, 5.0, None, 0)


def test_progress_is_told_a_few_times_a_second_only(clock: Clock) -> None:
    told: list[Progress] = []
    with Tally(1000, told.append, None) as tally:
        for _ in range(1000):
            clock.now += 0.001
            tally.count(unchanged=1)
    assert 9 <= len(told) <= 12
    assert told[-1].done == 1000
