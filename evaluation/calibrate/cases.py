"""What one round knew of a photo whose place is known, kept and recalled without a gallery.

Asking a gallery takes milliseconds to seconds a photo, and a model's draft costs money; choosing
among what they gave takes neither. So cases are made once, and scorers are fitted, ablated and
calibrated on them.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from geofix.agent.draft.consensus import CONSENSUS
from geofix.agent.state import Candidate, Draft, Retrieval
from geofix.agent.verify.choose import choose
from geofix.agent.verify.observed import Density, Observed, counted_at
from geofix.agent.verify.scorers import Scorers
from geofix.tools.geo.distance import haversine_km
from geofix.tools.geometry import GeometricMatch


class Case(BaseModel):
    """One photo, its truth, and what the first round found and was told."""

    model_config = ConfigDict(frozen=True)

    photo: str
    """Its name in the data set."""
    latitude: float
    longitude: float
    accuracy_km: float = 0.0
    """How far the truth may lie from these."""
    group: str
    """What is split as a whole: photos of one place."""
    sequence: str | None = None
    answerable: bool | None = None
    """Whether the gallery has a true neighbour; none where that is not known."""
    retrieval: Retrieval
    drafts: list[Draft] = []
    """Drafts of a model; the consensus is made of the retrieval and left out."""
    matches: dict[int, GeometricMatch] = {}
    """Geometric verification by photo id, where there were pictures."""
    densities: list[tuple[float, float, int]] = []
    """Latitude, longitude and gallery photos within 25 km, where the choice asked for them."""
    photos_in_gallery: int | None = None
    image_place: list[tuple[float, float, float]] = []
    """Latitude, longitude and an image-place model's similarity."""
    scene: str | None = None

    @property
    def model_drafts(self) -> list[Draft]:
        """The drafts of models."""
        return [draft for draft in self.drafts if draft.drafted_by != CONSENSUS]


def write_cases(path: Path, cases: Iterable[Case]) -> None:
    """Write cases as JSON lines, gzipped; the file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with gzip.open(part, "wt", encoding="utf-8", compresslevel=3) as file:
        file.writelines(case.model_dump_json() + "\n" for case in cases)
    part.rename(path)


def read_cases(path: Path) -> list[Case]:
    """Return the cases of a file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [Case.model_validate_json(line) for line in file]


def kept_cases(folder: Path, key: str, make: Callable[[], Sequence[Case]]) -> list[Case]:
    """Return cases made before under the same key, else make and keep them.

    Args:
        folder: Where they are kept.
        key: Names all they depend on; its digest names the file.
        make: Makes them.
    """
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.jsonl.gz"
    if not path.is_file():
        write_cases(path, make())
    return read_cases(path)


def digest_of(cases: Sequence[Case]) -> str:
    """Return a SHA-256 over photos, truths and what was found: of what a fit was made of."""
    digest = hashlib.sha256()
    for line in sorted(case.model_dump_json() for case in cases):
        digest.update(line.encode())
    return digest.hexdigest()


def observed_of(
    case: Case, *, drafts: bool = True, matches: bool = True, negatives: int | None = None
) -> Observed:
    """Return what the verifier saw of a case.

    Args:
        case: As kept.
        drafts: Whether a model drafted.
        matches: Whether pictures were compared.
        negatives: How many of the negatives count; all of them by default.
    """
    retrieval = case.retrieval
    if negatives is not None:
        retrieval = retrieval.model_copy(update={"negatives": retrieval.negatives[:negatives]})
    return Observed(
        retrieval=retrieval,
        drafts=case.model_drafts if drafts else [],
        matches=case.matches if matches else {},
        density=_density(case) if case.densities else None,
        photos_in_gallery=case.photos_in_gallery,
        image_place={(north, east): cosine for north, east, cosine in case.image_place},
        scene=case.scene,
    )


def choices(observed: Observed, scorers: Scorers) -> list[Candidate]:
    """Return the candidates of a first round anywhere, in order."""
    return choose(observed, region=None, within=(), region_share=1.0, scorers=scorers)


def first_of(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the leading candidate that is not vetoed."""
    return next((candidate for candidate in candidates if candidate.vetoed is None), None)


def off_km(case: Case, latitude: float | None, longitude: float | None) -> float:
    """Return the distance of a place from the truth; infinite where there is no place."""
    if latitude is None or longitude is None:
        return float("inf")
    return float(haversine_km(case.latitude, case.longitude, latitude, longitude))


def _density(case: Case) -> Density:
    points = [(latitude, longitude) for latitude, longitude, _ in case.densities]
    return counted_at(points, [photos for _, _, photos in case.densities])
