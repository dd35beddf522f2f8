"""How figures are written in docs/evaluation.md."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from geofix.evaluation.metrics import wilson


def share_of(right: ArrayLike) -> str:
    """Return a share in per cent with Wilson's 95 % interval."""
    held = np.asarray(right, np.bool_)
    if not held.size:
        return "none"
    share = wilson(int(held.sum()), held.size)
    return f"{100 * share.value:.1f} ({100 * share.low:.1f}-{100 * share.high:.1f})"


def percent(share: float) -> str:
    """Return a share in per cent; nothing where it is not a number."""
    return "" if np.isnan(share) else f"{100 * share:.0f} %"


def distance(km: float) -> str:
    """Return a distance, in m below 1 km."""
    return f"{1000 * km:.0f} m" if km < 1 else f"{km:,.0f} km"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    return [
        f"| {' | '.join(heads)} |",
        "|---" * len(heads) + "|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]
