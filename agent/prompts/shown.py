"""What a model is shown beside the photo, and how numbers stand there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geofix.agent.prompts.quoting import quoted
from geofix.agent.search_report import NegativesBy
from geofix.agent.shortlist import ShortlistedPlace, shortlist
from geofix.agent.state import Hit, Region, Retrieval
from geofix.tools.density import DEFAULT_TEMPERATURE


def point(latitude: float, longitude: float) -> str:
    """Return coordinates as every list shows them: five decimals, which is a meter."""
    return f"{latitude:.5f}, {longitude:.5f}"


@dataclass(frozen=True, slots=True)
class Shown:
    """The lists of one request."""

    positives: Sequence[Hit] = ()
    negatives: Sequence[Hit] = ()
    negatives_by: NegativesBy = "dissimilar"
    """Of which kind the negatives are."""
    region: Region | None = None
    """Where the answer must lie, if anywhere."""
    rival: Region | None = None
    """Or there."""
    candidates: Sequence[ShortlistedPlace] = ()
    """The positives by place, the likeliest first."""

    def within(self) -> str | None:
        """Return the names of where the answer must lie, fit to stand in a prompt."""
        return " or ".join(quoted(r.name) for r in (self.region, self.rival) if r) or None

    def listed(self) -> dict[str, str]:
        """Return what each pair of coordinates belongs to, as it stands in the lists."""
        named: list[tuple[Hit | ShortlistedPlace, str]] = [
            *((place, f"candidate {number}") for number, place in enumerate(self.candidates, 1)),
            *((hit, f"similar photo {number}") for number, hit in enumerate(self.positives, 1)),
            *((hit, f"negative {number}") for number, hit in enumerate(self.negatives, 1)),
        ]
        # Of several at one place the first gives its name.
        return {point(at.latitude, at.longitude): name for at, name in reversed(named)}


def shown(retrieval: Retrieval, region: Region | None, neighbours: int | None) -> Shown:
    """Return the lists of a request.

    Args:
        retrieval: The round's.
        region: Where the answer must lie, if anywhere.
        neighbours: How many of each list; none shows all that was retrieved.
    """
    positives = retrieval.positives[:neighbours]
    return Shown(
        positives=positives,
        negatives=retrieval.negatives[:neighbours],
        negatives_by=retrieval.negatives_by,
        region=region,
        rival=retrieval.rival,
        candidates=shortlist(positives, retrieval.temperature or DEFAULT_TEMPERATURE),
    )
