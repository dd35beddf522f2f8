"""How a search of the gallery went; checkpoints store it inside a `Retrieval`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class SearchReport(BaseModel):
    """How one search went."""

    kind: Literal["positives", "negatives"]
    server: str = "here"
    """Always `here`; runs of earlier versions can name other servers."""
    way: Literal["exact", "index"]
    """`exact` compared the photo with every vector the search covers."""
    rows: int
    """Number of vectors that the search covered; an estimate in a region."""
    ef_search: int | None = None
    """pgvector's `hnsw.ef_search`: candidates that the index kept in view."""
    index: str | None = None
    unindexed: bool = False
    """Whether photos newer than the index were compared one by one."""
    note: str | None = None
    """Why the search did not go as planned."""
    asked: int = 0
    """Number of photos asked for. This and the next four are 0 in runs of earlier versions."""
    found: int = 0
    """Number of photos found."""
    twins: int = 0
    """Number of better matches left out because the same picture was already found."""
    own: int = 0
    """Number of better matches left out because they are the photo itself."""
    removed: int = 0
    """Number of better matches left out because their photo was removed."""
