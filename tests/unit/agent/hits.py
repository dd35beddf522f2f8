"""Hits for tests, short to write."""

from __future__ import annotations

from geofix.agent.state import Candidate, Hit, Retrieval
from geofix.agent.verify.candidates import pool_candidates

PARIS = (48.8867, 2.3431)
CHARTRES = (48.4478, 1.4877)
BERLIN = (52.5189, 13.4004)
SUVA = (-18.1416, 178.4419)


def hit(
    place: tuple[float, float],
    similarity: float,
    *,
    impostor_share: float | None = 0.01,
    accuracy_km: float = 0.0,
    photo_id: int = 0,
) -> Hit:
    return Hit(
        photo_id=photo_id,
        latitude=place[0],
        longitude=place[1],
        similarity=similarity,
        impostor_share=impostor_share,
        accuracy_km=accuracy_km,
        gallery="test",
        source="test",
        external_id=str(photo_id),
    )


def retrieval(positives: list[Hit], negatives: list[Hit] | None = None) -> Retrieval:
    return Retrieval(
        round=0, region=None, positives=positives, negatives=negatives or [], searched=100
    )


def pooled(hits: list[Hit], region_share: float = 1.0) -> list[Candidate]:
    return pool_candidates(hits, [], 0.05, region_share=region_share)
