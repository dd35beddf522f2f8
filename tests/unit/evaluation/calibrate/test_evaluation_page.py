"""What docs/evaluation.md says of promises and of pictures that show no place."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.page.sections import pictures_of, promises_told, scenes_told
from geofix.tools.scene.classify import GROUPS


class Outdoors:
    """Takes everything for what stands outdoors."""

    def logits(self, images: list[Image.Image]) -> NDArray[np.float32]:
        scores = np.zeros((len(images), 1000), np.float32)
        scores[:, sorted(GROUPS["outdoors"])] = 9
        return scores


def test_pictures_of_no_place_are_told_by_the_word_their_names_begin_with(tmp_path: Path) -> None:
    nowhere, places = tmp_path / "nowhere", tmp_path / "streets"
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    for name in ("chart_1.png", "chart_2.png", "room_1.png"):
        nowhere.mkdir(exist_ok=True)
        pixels = noise if name == "room_1.png" else np.full((200, 200, 3), 90, np.uint8)
        Image.fromarray(pixels).save(nowhere / name)
    places.mkdir()
    Image.fromarray(noise).save(places / "corner.png")
    (places / "notes.txt").write_text("no picture")
    assert [path.name for path in pictures_of(places)] == ["corner.png"]
    services = cast(Any, SimpleNamespace(classifier=Outdoors()))
    rows = [line.split(" | ") for line in scenes_told(nowhere, [places], services)[1:]]
    taken = {row[0].lstrip("| "): (row[1], row[2].split()[0]) for row in rows if len(row) == 4}
    assert taken["no place, all"] == ("3", "66.7")
    assert taken["chart"] == ("2", "100.0")
    assert taken["room"] == ("1", "0.0")
    assert taken["places: streets"] == ("1", "0.0")


def test_what_cannot_be_calibrated_says_why() -> None:
    assert "0 answers of 0 places are too few" in promises_told("Open set", [])
