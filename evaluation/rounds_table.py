"""The tables of rounds in docs/evaluation.md."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geofix.evaluation.rounds import MOST, Told, stopped
from geofix.evaluation.told import distance, share_of, table

FINEST = (25.0, 1.0)
HARD = 0.5
"""A photo is hard whose first candidate has less of the votes within 25 km after one round."""

HEAD = """## Rounds

Simulated worlds, without drafts, the weights that ship, through the nodes `retrieve`, `verify` and
`refine` against Postgres. `finest_km` is where no closer look is taken any more. Hard are photos
whose first candidate has less than half of the votes within 25 km after one round. `answered` is
the share that is not abstained from; of those, how many are right at {near}. Times were taken on a
machine of two cores that did other work too; they hold beside each other only.
"""


def rounds_lines(name: str, played: Sequence[Sequence[Told]], right_km: Sequence[float]) -> str:
    """Return the tables of one world.

    Args:
        name: Of the world.
        played: Per photo what it was told round by round.
        right_km: Distances at which accuracy is told.
    """
    hard = [rounds for rounds in played if rounds[0].share_25_km < HARD]
    lines = []
    for label, some in (("all", played), ("hard ones", hard)):
        heads = ["finest_km", "rounds", "run on average", *map(distance, right_km)]
        heads += ["answered", f"right when answered ({distance(right_km[1])})", "ms a photo"]
        rows = [_row(some, most, finest, right_km) for finest in FINEST for most in _numbers()]
        lines += [f"### Simulated {name}, {label}: {len(some)} photos\n", *table(heads, rows)]
    return "\n".join(lines)


def _numbers() -> range:
    return range(1, MOST + 1)


def _row(
    some: Sequence[Sequence[Told]], most: int, finest: float, right_km: Sequence[float]
) -> list[str]:
    run = [rounds[: stopped(rounds, most, finest)] for rounds in some]
    last = [rounds[-1] for rounds in run]
    errors = np.array([told.error_km for told in last])
    answered = np.array([told.answered for told in last], np.bool_)
    spent = [sum(told.searching_s + told.choosing_s for told in rounds) for rounds in run]
    return [
        f"{finest:g}",
        str(most),
        f"{np.mean([len(rounds) for rounds in run]):.2f}" if run else "",
        *(share_of(errors <= km) for km in right_km),
        share_of(answered),
        share_of(errors[answered] <= right_km[1]),
        f"{1000 * float(np.mean(spent)):.0f}" if spent else "",
    ]


def time_row(name: str, played: Sequence[Sequence[Told]]) -> list[str]:
    """Return a row of what a first round takes, for the table of times."""
    first = [rounds[0] for rounds in played]
    searching = 1000 * np.median([told.searching_s for told in first])
    choosing = 1000 * np.median([told.choosing_s for told in first])
    return [name, str(len(first)), f"{searching:.0f}", f"{choosing:.0f}"]
