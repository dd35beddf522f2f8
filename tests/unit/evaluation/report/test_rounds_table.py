"""What a smaller number of rounds, or a coarser level, would have answered."""

from __future__ import annotations

from benchmarks.page.rounds import Told, stopped
from benchmarks.page.sections import rounds_lines

INF = float("inf")


def told(error_km: float, scale_km: float, share: float = 0.9, *, answered: bool = True) -> Told:
    return Told(error_km, answered, scale_km, share, searching_s=0.01, choosing_s=0.02)


def test_rounds_end_at_the_level_asked_for_or_when_there_are_no_more() -> None:
    rounds = [told(300, 200), told(20, 25), told(0.5, 1)]
    assert [stopped(rounds, most, 1.0) for most in (1, 2, 3, 4)] == [1, 2, 3, 3]
    assert [stopped(rounds, most, 25.0) for most in (1, 2, 3, 4)] == [1, 2, 2, 2]
    assert stopped([told(300, INF)], 4, 25.0) == 1


def test_the_table_tells_the_answer_of_the_round_run_last_and_hard_photos_apart() -> None:
    easy = [told(0.5, 25)]
    hard = [told(300, 200, 0.2, answered=False), told(20, 25)]
    lines = rounds_lines("world", [easy, hard], (1.0, 25.0, 200.0)).splitlines()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("| 25 ")
    ]
    one, two = rows[0], rows[1]
    assert one[2] == "1.00" and two[2] == "1.50"
    assert one[4].startswith("50.0 ") and two[4].startswith("100.0 ")
    assert one[6].startswith("50.0 ") and two[6].startswith("100.0 ")
    assert [one[-1], two[-1]] == ["30", "45"]
    assert "hard ones: 1 photos" in "\n".join(lines)
    assert rows[4][4].startswith("0.0 ") and rows[5][4].startswith("100.0 ")
