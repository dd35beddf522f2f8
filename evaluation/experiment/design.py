"""Which runs the experiment with negatives compares: a strategy and a number each.

The prompt, the similar photos and the model are the same in all of them. A cell differs from the
others in its counter-examples alone, and all are compared with the cell that has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from geofix.agent.errors import OptionError
from geofix.agent.run.option_table import OPTIONS

Strategy = Literal["raw", "centred", "far"]
"""Which counter-examples are shown."""

Asked = Literal["img2loc", "street-level-rag", "geofix"]
"""Methods whose prompt shows as many negatives as were found; G3 cuts its lists by itself."""

STRATEGIES: dict[Strategy, str] = {
    "raw": "most dissimilar by raw vectors, as in Img2Loc",
    "centred": "most dissimilar by centred vectors",
    "far": "far from the leading place, and alike",
}

OPTIONS_OF: dict[Strategy, Mapping[str, Any]] = {
    "raw": {"negatives_by": "dissimilar", "negatives_vectors": "raw"},
    "centred": {"negatives_by": "dissimilar", "negatives_vectors": "centred"},
    "far": {"negatives_by": "far"},
}

NUMBERS = (0, 5, 10, 16, 30)
"""How many negatives are shown."""

FIXED = (
    *("method", "galleries", "preset", "route"),
    *("negatives", "negatives_by", "negatives_vectors"),
)
"""Options that the experiment sets by itself, or that would change what a cell shows."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One strategy and one number."""

    strategy: Strategy | None
    """None where there are no negatives."""
    number: int
    control: bool = False
    """Whether this is the cell without negatives asked once more: what differs is the model's own
    unsteadiness."""

    @property
    def label(self) -> str:
        """What it is called: `none`, `16 far`."""
        if self.strategy is None:
            return "none again" if self.control else "none"
        return f"{self.number} {self.strategy}"

    @property
    def options(self) -> dict[str, Any]:
        """Fields of `Context` that make it."""
        if self.strategy is None:
            return {"negatives": 0, "negatives_by": "none"}
        return {"negatives": self.number, **OPTIONS_OF[self.strategy]}


WITHOUT = Cell(None, 0)
"""What all others are compared with."""


def cells_of(
    strategies: Sequence[str] = (), numbers: Sequence[int] = (), *, control: bool = False
) -> list[Cell]:
    """Return the cells, that without negatives first and once.

    Args:
        strategies: Some of `STRATEGIES`; all by default.
        numbers: Of negatives; `NUMBERS` by default. 0 is always there.
        control: Whether to ask without negatives twice.

    Raises:
        OptionError: There is no such strategy, no such number, or nothing to compare.
    """
    for strategy in strategies:
        if strategy not in STRATEGIES:
            raise OptionError(
                f"--strategy cannot be {strategy!r}; there are {', '.join(STRATEGIES)}"
            )
    low, high = OPTIONS["negatives"].low or 0, OPTIONS["negatives"].high or 0
    for number in numbers:
        if not low <= number <= high:
            raise OptionError(f"--number cannot be {number!r}; give {low:g} to {high:g}")
    some = [number for number in dict.fromkeys(numbers or NUMBERS) if number]
    if not some:
        raise OptionError(
            "--number cannot be 0 alone, with which the others are compared; give another, too"
        )
    known = [one for one in get_args(Strategy) if not strategies or one in strategies]
    first = [WITHOUT, *([Cell(None, 0, control=True)] if control else [])]
    return [*first, *(Cell(one, number) for one in known for number in sorted(some))]


def cells_of_pilot(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells that a pilot asks: none, and the most negatives of each strategy."""
    most = {cell.strategy: cell for cell in cells if not cell.control}
    return list(most.values())
