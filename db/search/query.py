"""What a search of the gallery asks, and what it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, overload

from geofix.db.search.area import Area

Vectors = Literal["centred", "raw"]
Way = Literal["exact", "index"]

THIS_SERVER = "here"
"""What `How.server` says; runs kept by versions with shards name those."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One gallery photo as a search found it."""

    photo_id: int
    similarity: float
    """Cosine with the query, centred or raw as the search was; -1 to 1."""
    latitude: float
    longitude: float
    accuracy_km: float
    country: str | None
    gallery: str
    source: str
    external_id: str
    author: str | None
    licence: str | None
    attribution: str | None


@dataclass(frozen=True, slots=True)
class StoredCopy:
    """One gallery photo that has the very bytes of the photo asked about."""

    gallery: str
    source: str
    external_id: str
    latitude: float
    longitude: float
    accuracy_km: float


@dataclass(frozen=True, slots=True)
class Search:
    """What to search in, and how."""

    encoder: str
    galleries: tuple[str, ...] = ()
    """Names of the galleries to search; none means all of them."""
    areas: tuple[Area, ...] = ()
    """Search where all of them overlap; none means everywhere."""
    outside: tuple[Area, ...] = ()
    """Leave out what lies in any of them."""
    vectors: Vectors = "centred"
    without_sha256: str | None = None
    """Leave out the photo with these bytes: a photo is no evidence for itself."""
    exact: bool = False
    """Compare with every vector, whatever there is of indexes."""


@dataclass(frozen=True, slots=True)
class How:
    """How the search went, and why it found no more.

    `found` falls short of `asked` where no others are there: `rows` less `twins`, `own` and
    `removed` is what could be found, and of those a vector that equals the mean never is.
    """

    server: str
    """`here`."""
    way: Way
    rows: int
    """How many vectors the search covers there, by the counts per cell; about, in a region."""
    ef_search: int | None = None
    """How many candidates the index kept in view."""
    index: str | None = None
    unindexed: bool = False
    """Whether photos that came after the index were compared one by one."""
    note: str | None = None
    """Why it went otherwise than planned."""
    asked: int = 0
    """How many photos were asked for."""
    found: int = 0
    """How many came back."""
    twins: int = 0
    """Left out, of those closer than the last found: pictures that were found already."""
    own: int = 0
    """Left out likewise: the photo that asks."""
    removed: int = 0
    """Left out likewise: vectors whose photo is not there (any more)."""


@dataclass(frozen=True, slots=True)
class Found(Sequence[Neighbour]):
    """The photos a search found, best first, and how."""

    neighbours: tuple[Neighbour, ...]
    how: tuple[How, ...]
    """One."""
    left_out: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Ids of photos that match and were left out, by the reason: an evaluation leaves out leaks."""

    @property
    def rows(self) -> int:
        """How many vectors the search covered; about, in a region."""
        return sum(part.rows for part in self.how)

    @overload
    def __getitem__(self, at: int) -> Neighbour: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Neighbour]: ...
    def __getitem__(self, at: int | slice) -> Neighbour | Sequence[Neighbour]:
        """Return one photo, or some."""
        return self.neighbours[at]

    def __len__(self) -> int:
        """Say how many there are."""
        return len(self.neighbours)
