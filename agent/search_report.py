"""How a round's searches went, for the trail: which way, past how many photos, what was missing."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

NegativesBy = Literal["dissimilar", "far", "none"]


class SearchReport(BaseModel):
    """One search of one server."""

    kind: Literal["positives", "negatives"]
    server: str = "here"
    """`here`: the database's own; runs of before may name others."""
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
    asked: int = 0
    """How many photos were asked for; 0 in runs of before it was kept, as in the four below."""
    found: int = 0
    """How many came back."""
    twins: int = 0
    """Left out, of those closer than the last found: pictures that were found already."""
    own: int = 0
    """Left out likewise: the photo that asks."""
    removed: int = 0
    """Left out likewise: vectors whose photo is not there (any more)."""
