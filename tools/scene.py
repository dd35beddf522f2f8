"""What kind of scene a photo shows, and whether it can show a place at all.

Two witnesses that need no training: the classes of EfficientNet-Lite0, whose weights come with a
package, summed by kind of scene; and what no camera makes: large parts of exactly one color, or
nothing with an edge.

The bounds were set on photos that may not be shipped (November 2026), and tried on the same: of 300
of streets 2.3 % were taken for something else, of 240 of roads elsewhere 2.9 %, of 157 of the open
set 1.3 %; of 214 of food, skies, drawings, charts, screens and things 98 % were recognised, of 123
rooms, half of them chapels, halls and passages, 90 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geofix.tools.imagenet_scenes import GROUPS
from geofix.tools.scene_kind import SceneKind

OUTDOORS_ENOUGH = 0.45
"""Share of what stands outdoors among all that stands either there or in a room."""

LEAST_INDOORS = 0.1
"""Share of all that has to stand in a room: what looks like a church alone may be its front."""

MOSTLY_FOOD, MOSTLY_ANIMALS = 0.3, 0.5
"""Of all there is to see; from there on no place is."""

DRAWN_FLATNESS = 0.65
"""Share of neighbouring pixels that are the same, from which on no camera made a picture."""

EMPTY_EDGES = 0.02
"""Share of neighbouring pixels that differ clearly, below which there is nothing to see."""

_SIDE_PX = 320
_SAME, _CLEAR = 1, 24


class Classifier(Protocol):
    """What tells ImageNet's classes."""

    def logits(self, images: list[Image.Image]) -> NDArray[np.float32]:
        """Return ImageNet logits `[n, 1000]`, in the usual order of classes."""
        ...


@dataclass(frozen=True, slots=True)
class Scene:
    """What a photo shows."""

    kind: SceneKind
    shares: dict[str, float]
    """Probability by group of classes, and of `indoors`, which is all the rest; together 1."""
    flatness: float
    """Share of neighbouring pixels of the same color, 0 to 1."""
    edges: float
    """Share of neighbouring pixels that differ clearly, 0 to 1."""


def read_scene(image: Image.Image, classifier: Classifier) -> Scene:
    """Return what a photo shows.

    Args:
        image: Upright, in any of Pillow's modes.
        classifier: EfficientNet-Lite0.
    """
    shares = group_shares(classifier.logits([image])[0])
    flatness, edges = texture(image)
    return Scene(_kind(shares, flatness, edges), shares, flatness, edges)


def group_shares(logits: NDArray[np.float32]) -> dict[str, float]:
    """Return the probability of each group of classes, from logits `[1000]`."""
    weights = np.exp(logits.astype(np.float64) - float(logits.max()))
    weights /= weights.sum()
    shares = {name: float(weights[sorted(classes)].sum()) for name, classes in GROUPS.items()}
    return {**shares, "indoors": max(0.0, 1.0 - sum(shares.values()))}


def texture(image: Image.Image) -> tuple[float, float]:
    """Return which shares of neighbouring pixels are the same, and differ clearly."""
    small = image.convert("RGB")
    small.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX)
    pixels = np.asarray(small, np.int16)
    steps = [np.abs(np.diff(pixels, axis=axis)).max(axis=2).ravel() for axis in (0, 1)]
    between = np.concatenate(steps)
    return float((between <= _SAME).mean()), float((between > _CLEAR).mean())


def _kind(shares: dict[str, float], flatness: float, edges: float) -> SceneKind:
    if flatness >= DRAWN_FLATNESS:
        return "drawn"
    if edges < EMPTY_EDGES:
        return "sky"
    if shares["food"] > MOSTLY_FOOD:
        return "food"
    if shares["animals"] > MOSTLY_ANIMALS:
        return "animals"
    outdoors = shares["outdoors"] + shares["storefronts"]
    things = shares["indoors"] + shares["screens and paper"]
    if things < LEAST_INDOORS or outdoors >= OUTDOORS_ENOUGH * (outdoors + things):
        return "outdoors"
    return "indoors" if shares["indoors"] >= shares["screens and paper"] else "screens and paper"
