"""How long choosing among 16, 64 and 200 neighbours takes: 200 are the most an option allows.

Rounds are made up, so no gallery, model or picture is asked: photos scattered over the world, where
each is a candidate; photos of one city, which is one candidate with as many spots; half and half;
and a second round, which has the candidates of the one before beside its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from geofix.agent.regions import circle
from geofix.agent.state import Candidate, Draft, Hit, Region, Retrieval
from geofix.agent.verify.choose import choose
from geofix.agent.verify.observed import Observed, counted_at
from geofix.agent.verify.scorers import default_scorers
from geofix.tools.geo.countries import countries_at
from geofix.tools.geometry import GeometricMatch

NEIGHBOURS = (16, 64, 200)

REPEATS = 7

PARIS = (48.86, 2.35)

CITY_DEGREES = 0.05

DRAFTS = 20

COMPARED = 16

LOOKED_WITHIN = circle(*PARIS, 200.0)

KINDS = ("scattered", "one city", "half and half", "second round")


def round_of(kind: str, count: int, seed: int = 0) -> tuple[Observed, Region | None]:
    """Return a made up round of so many neighbours, and where it looked."""
    rng = np.random.default_rng(seed)
    world = _on_land(rng, count)
    city = PARIS + rng.uniform(-CITY_DEGREES, CITY_DEGREES, (count, 2))
    is_city = {
        "one city": np.ones(count, bool),
        "half and half": np.arange(count) % 2 == 0,
    }.get(kind, np.zeros(count, bool))
    places = np.where(is_city[:, None], city, world)
    similarities = np.sort(rng.uniform(0.2, 0.6, count))[::-1]
    hits = [_hit(at, *place, similarities[at]) for at, place in enumerate(places.tolist())]
    negatives = [_hit(-1 - at, *place, -0.3) for at, place in enumerate(world[::-1].tolist())]
    matches = {
        hit.photo_id: GeometricMatch(int(inliers), 100, "fundamental", inliers / 100, 0.5)
        for hit, inliers in zip(hits[:COMPARED], rng.integers(0, 100, COMPARED), strict=False)
    }
    observed = Observed(
        retrieval=Retrieval(
            round=0,
            region=None,
            positives=hits,
            negatives=negatives,
            searched=1_000_000,
            temperature=0.05,
        ),
        drafts=[_draft(*place) for place in places[:DRAFTS].tolist()],
        matches=matches,
        density=counted_at([(hit.latitude, hit.longitude) for hit in hits], [100] * count),
        photos_in_gallery=1_000_000,
        place_similarity=_place_similarity,
    )
    return (observed, None) if kind != "second round" else (_after(observed), LOOKED_WITHIN)


def _on_land(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Return places as photos have them: all but one in a hundred on land."""
    drawn = np.column_stack([rng.uniform(-55, 70, 10 * count), rng.uniform(-180, 180, 10 * count)])
    codes = countries_at(drawn[:, 0], drawn[:, 1])
    is_kept = np.array([code is not None for code in codes]) | (rng.random(len(drawn)) < 0.005)
    return drawn[is_kept][:count]


def chosen(observed: Observed, region: Region | None) -> list[Candidate]:
    """Choose as a run does."""
    return choose(observed, region=region, within=(), region_share=1.0, scorers=default_scorers())


def _after(observed: Observed) -> Observed:
    moved = [
        hit.model_copy(update={"longitude": hit.longitude + (0.7 if hit.longitude < 0 else -0.7)})
        for hit in observed.retrieval.positives
    ]
    found = observed.retrieval.model_copy(
        update={"round": 1, "region": LOOKED_WITHIN, "positives": moved}
    )
    return Observed(
        retrieval=found,
        drafts=observed.drafts,
        before=chosen(observed, None),
        matches=observed.matches,
        density=observed.density,
        photos_in_gallery=observed.photos_in_gallery,
        place_similarity=observed.place_similarity,
    )


def _hit(photo_id: int, latitude: float, longitude: float, similarity: float) -> Hit:
    return Hit(
        photo_id=photo_id,
        latitude=latitude,
        longitude=longitude,
        similarity=similarity,
        impostor_share=0.1,
        accuracy_km=0.0,
        gallery="made",
        source="made",
        external_id=str(photo_id),
    )


def _draft(latitude: float, longitude: float) -> Draft:
    return Draft(
        round=0,
        drafted_by="made:up",
        latitude=latitude + 0.01,
        longitude=longitude,
        confidence=0.5,
        hypotheses=["Perhaps Lisbon in Portugal, or Porto; Spain has other plates."],
    )


def _place_similarity(places: object) -> list[float]:
    points = np.asarray(places, dtype=np.float64)
    found: list[float] = np.sin(points.sum(axis=1)).tolist()
    return found


def milliseconds(work: Callable[[], object]) -> Iterator[float]:
    """Yield how long each of some calls takes, after one that is not counted."""
    work()
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        yield 1000 * (time.perf_counter() - began)


def main() -> None:
    """Measure, and print the median and least of each."""
    sys.stdout.write("milliseconds to choose, median (least)\n")
    sys.stdout.write(f"{'round':16}" + "".join(f"{n:>16} photos" for n in NEIGHBOURS) + "\n")
    for kind in KINDS:
        cells = []
        for count in NEIGHBOURS:
            observed, region = round_of(kind, count)
            took = sorted(milliseconds(lambda: chosen(observed, region)))  # noqa: B023
            cells.append(f"{took[len(took) // 2]:15.1f} ({took[0]:.1f})")
        sys.stdout.write(f"{kind:16}" + "".join(f"{cell:>23}" for cell in cells) + "\n")


if __name__ == "__main__":
    main()
