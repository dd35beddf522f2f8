"""Services for nodes that need no database: a gallery that counts, and weights set by hand."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

from geofix.agent.services import Services
from geofix.agent.verify.scorers import HAND_SET
from geofix.db.search.query import Search


def without_pictures() -> Services:
    def counts(searches: Sequence[Search]) -> list[int]:
        return [100, *[1] * (len(searches) - 1)]

    found = SimpleNamespace(
        gallery=SimpleNamespace(counts=counts),
        known_calibrations=SimpleNamespace(of=lambda *setup: "never"),
        change_scorers=lambda scorers: HAND_SET,
        image_place=None,
        settings=SimpleNamespace(image_place=None),
    )
    return cast(Services, found)
