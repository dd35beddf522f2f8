"""Hits for tests, short to write."""

from __future__ import annotations

from geofix.agent.state import Hit, Retrieval

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
