from __future__ import annotations

import pytest

from geofix.agent.cli.gallery import describe, progress_bar
from geofix.tools.ingestion import Progress


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (Progress(1200, 5000, 84.6, 44.9, 3), "1,200 of 5,000, 85/s, 0:00:45 left, 3 rejected"),
        (Progress(1200, None, 84.6, None, 0), "1,200, 85/s"),
        (Progress(0, 5000, 0.0, None, 0), "0 of 5,000, 0/s"),
        (
            Progress(5, 10_000_000, 100.0, 90_061.0, 0),
            "5 of 10,000,000, 100/s, 1 day, 1:01:01 left",
        ),
    ],
)
def test_how_far_a_load_is_in_one_line(progress: Progress, said: str) -> None:
    assert describe(progress) == said


def test_a_line_of_the_load_is_shown_as_it_is_and_the_end_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bar() as (say, advance):
        advance(Progress(3, 3, 10.0, 0.0, 1))
        say("[bold]north[/bold]: indexing\x1b[2J")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "[bold]north[/bold]: indexing\\x1b[2J" in shown.err
    assert "3 of 3, 10/s, 0:00:00 left, 1 rejected" in shown.err
