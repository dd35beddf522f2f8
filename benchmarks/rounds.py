"""What several rounds of the same questions say together about unlike ways to ask them.

Other work on the machine slows a whole round: so times are compared within a round, and what is
shown is the median over the rounds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.gallery.ours import ids, strategy
from benchmarks.gallery.tables import Table
from benchmarks.gallery.timing import Timed
from benchmarks.gallery.truth import Truth
from geofix.db.search import Found

Asked = dict[str, list[Timed[Found]]]
"""By name of the way, its rounds; all have as many."""


def compared(title: str, asked: Asked, end: str, truth: Truth, against: Sequence[str]) -> Table:
    """Return what each way took and found.

    Args:
        title: Of the table.
        asked: The rounds of every way.
        end: `nearest` or `dissimilar`.
        truth: The right answers.
        against: The ways that all are compared with, each in a column of its own.
    """
    head = ["", "found by", "median ms", "quickest to slowest round", "p95 ms", "least recall"]
    table = Table(title, [*head, *(f"median, of {base}'s" for base in against)])
    for way, rounds in asked.items():
        medians = [one.median_ms for one in rounds]
        table.add(
            way,
            strategy(rounds[0].answers[0]),
            float(np.median(medians)),
            f"{min(medians):.1f} to {max(medians):.1f}",
            float(np.median([one.p95_ms for one in rounds])),
            min(_recall(one, end, truth) for one in rounds),
            *(None if way == base else beside(rounds, asked[base]) for base in against),
        )
    return table


def beside(ours: Sequence[Timed[Found]], theirs: Sequence[Timed[Found]]) -> str:
    """Say how many times the other's median ours is, and in how many rounds it was quicker."""
    ratios = [one.median_ms / other.median_ms for one, other in zip(ours, theirs, strict=True)]
    quicker = sum(each < 1 for each in ratios)
    return f"x{np.median(ratios):.3g}, quicker in {quicker} of {len(ratios)}"


def _recall(found: Timed[Found], end: str, truth: Truth) -> float:
    return truth.recall(end, [ids(answer) for answer in found.answers])
