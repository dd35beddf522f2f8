"""How a round's searches went, for the trail: which way, past how many photos, what was missing."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

NegativesBy = Literal["dissimilar", "far", "none"]


class SearchReport(BaseModel):
    """One search of one server."""

    kind: Literal["positives", "negatives"]
    server: str = "here"
    """`here`, or the name of a shard."""
    way: Literal["exact", "index"]
    """`exact` compared the photo with every vector the search covers."""
    rows: int
    """How many vectors that are, by the counts per cell; about, in a region."""
    ef_search: int | None = None
    """How many candidates the index kept in view."""
    index: str | None = None
    unindexed: bool = False
    """Whether photos that came after the index were compared one by one."""
    note: str | None = None
    """Why it went otherwise than planned."""
