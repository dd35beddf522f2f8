"""Services for nodes that need no database: a gallery that counts, and weights set by hand."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

from geofix.agent.choice.scorers import HAND_SET, Scorers
from geofix.agent.services import Services
from geofix.db.search import Search


def without_pictures() -> Services:
    def counts(searches: Sequence[Search]) -> list[int]:
        return [100, *[1] * (len(searches) - 1)]

    def scorers(encoder: str, galleries: Sequence[str]) -> Scorers:
        return HAND_SET

    gallery = SimpleNamespace(counts=counts)
    found = SimpleNamespace(gallery=gallery, scorers=scorers, image_place=None)
    return cast(Services, found)
